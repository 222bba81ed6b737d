"""Jobs over many dead letters, what becomes of each letter, and what people know of failures. Times are
ms since 1970 UTC.

All live in the ``default`` database; a letter is named by the id that it has in ``events``.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["Edition", "FailureGroup", "Firing", "GroupEntry", "HandlerRule", "Job", "JobItem"]


class Job(models.Model):
    """A redrive, discard, … of selected letters, carried out by monitor.

    1. PLANNED: a dry run; only looked at. AWAITING: another operator is to confirm it. 2. SCHEDULED until ``start_ms``. 3. RUNNING: the selection is
    gathered, then sent; WAITING for ``waits_for`` in between; PAUSED by a person. 4. SETTLING: nothing
    is left to send, verdicts are still to come. 5. COMPLETED; STOPPED by itself (``why``); CANCELLED by
    a person, through CANCELLING. A person changes ``state`` only; items are changed by monitor alone.
    """

    class Kind(models.TextChoices):
        REDRIVE = "redrive"
        DISCARD = "discard"
        ARCHIVE = "archive"
        RESTORE = "restore"
        EDIT = "edit"
        REDIRECT = "redirect"

    class State(models.TextChoices):
        PLANNED = "planned"
        AWAITING = "awaiting"
        SCHEDULED = "scheduled"
        RUNNING = "running"
        WAITING = "waiting"
        PAUSED = "paused"
        CANCELLING = "cancelling"
        SETTLING = "settling"
        COMPLETED = "completed"
        STOPPED = "stopped"
        CANCELLED = "cancelled"

    ACTIVE: ClassVar = (
        State.SCHEDULED,
        State.RUNNING,
        State.WAITING,
        State.PAUSED,
        State.CANCELLING,
        State.SETTLING,
    )

    SENDING: ClassVar = (Kind.REDRIVE, Kind.EDIT, Kind.REDIRECT)

    kind = models.CharField(max_length=16, choices=Kind.choices)
    token = models.CharField(
        max_length=16, unique=True, help_text="names it outside of this database"
    )
    state = models.CharField(max_length=16, choices=State.choices)
    created_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=200)
    note = models.TextField(default="", blank=True)
    selection = models.JSONField(help_text="what was chosen, as `selection.Selection`")
    newest_letter = models.BigIntegerField(help_text="letters that came later are left alone")
    expected = models.IntegerField(help_text="letters chosen when the job was made")
    plan = models.JSONField(default=dict, help_text="what the dry run said")

    start_ms = models.BigIntegerField(null=True)
    rate_per_second = models.FloatField(null=True, help_text="None: as fast as the broker takes")
    topic = models.CharField(
        max_length=255, default="", blank=True, help_text="where to, if not to their own topics"
    )
    canary = models.IntegerField(default=0, help_text="letters to send first; 0 for none")
    canary_share = models.FloatField(default=0.0, help_text="of them may fail, 0 to 1")
    canary_wait_ms = models.BigIntegerField(default=300_000)
    canary_passed = models.BooleanField(default=False)
    in_order = models.BooleanField(default=False, help_text="one at a time for each entity")
    heed = models.BooleanField(default=True, help_text="wait for breakers, health and lag")

    gathered = models.BooleanField(default=False)
    gathered_until = models.BigIntegerField(default=0, help_text="letters up to here have items")
    lags = models.JSONField(default=dict, help_text="consumer group → lag when it began")
    approved_by = models.CharField(max_length=200, default="", blank=True)
    waits_for = models.TextField(default="", blank=True)
    why = models.TextField(default="", blank=True, help_text="why it stopped by itself")
    ending = models.CharField(max_length=16, default=State.COMPLETED)
    began_ms = models.BigIntegerField(null=True)
    ended_ms = models.BigIntegerField(null=True)
    touched_ms = models.BigIntegerField(default=0, help_text="when monitor last worked on it")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state"], name="job_state")]

    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def sends(self) -> bool:
        """Whether it puts events on the broker; else it only changes what letters count as."""
        return self.kind in self.SENDING

    def redrive_id(self, letter: int) -> str:
        """What the event of ``letter`` carries as ``metadata.redrive.id``."""
        return f"rd_{self.token}_{letter}"


class JobItem(models.Model):
    """One letter in a job.

    1. REQUESTED. 2. PUBLISHED: appended at ``position``. 3. PROCESSED, FAILED again, or UNKNOWN when
    nothing was heard in time (a later word still counts). Else SKIPPED for ``reason``, or CANCELLED
    before it was sent. An item that is requested or published holds its letter: no other job takes it.
    """

    class State(models.TextChoices):
        REQUESTED = "requested"
        PUBLISHED = "published"
        PROCESSED = "processed"
        FAILED = "failed"
        UNKNOWN = "unknown"
        SKIPPED = "skipped"
        CANCELLED = "cancelled"

    HOLDING: ClassVar = (State.REQUESTED, State.PUBLISHED)

    job = models.ForeignKey(Job, on_delete=models.CASCADE, db_index=False)
    letter = models.BigIntegerField()
    event_id = models.CharField(max_length=255)
    event_type = models.CharField(max_length=200, default="", blank=True)
    topic = models.CharField(max_length=255, default="", blank=True)
    consumer = models.CharField(max_length=200, default="", blank=True)
    consumer_group = models.CharField(max_length=200, default="", blank=True)
    entity = models.CharField(max_length=255, default="", blank=True)
    state = models.CharField(max_length=16, choices=State.choices, default=State.REQUESTED)
    reason = models.CharField(max_length=200, default="", blank=True)
    canary = models.BooleanField(default=False)
    attempt = models.IntegerField(default=0, help_text="the how-manieth redrive of the event")
    position = models.CharField(max_length=64, default="", blank=True)
    repeated = models.BooleanField(default=False, help_text="the append had been done before")
    sent_ms = models.BigIntegerField(null=True)
    ended_ms = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "letter"], name="job_item_once"),
            models.UniqueConstraint(
                fields=["letter"],
                condition=models.Q(state__in=("requested", "published")),
                name="letter_in_one_job",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["job", "state", "id"], name="job_item_state"),
            models.Index(fields=["letter"], name="job_item_letter"),
        ]


class FailureGroup(models.Model):
    """What people say of the dead letters of one failure; a failure that nobody spoke of has no row."""

    fingerprint = models.CharField(max_length=32, unique=True, blank=True)
    owner = models.CharField(max_length=200, default="", blank=True)
    note = models.TextField(default="", blank=True)
    ticket = models.CharField(max_length=500, default="", blank=True, help_text="an http(s) link")
    fixed_ms = models.BigIntegerField(null=True, help_text="when somebody said that it is fixed")
    muted_until_ms = models.BigIntegerField(null=True)
    merged_into = models.CharField(
        max_length=32, default="", blank=True, help_text="the fingerprint that it counts with"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["merged_into"], name="group_merged")]


class GroupEntry(models.Model):
    """One thing that somebody did about a failure, in its history."""

    class Kind(models.TextChoices):
        DESCRIBED = "described"
        FIXED = "fixed"
        MUTED = "muted"
        UNMUTED = "unmuted"
        MERGED = "merged"
        SPLIT = "split"
        DIVIDED = "divided"
        JOINED = "joined"

    group = models.ForeignKey(FailureGroup, on_delete=models.CASCADE, db_index=False)
    at_ms = models.BigIntegerField()
    by = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    text = models.TextField(default="", blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["group", "at_ms"], name="group_history")]


class Edition(models.Model):
    """What a job sends in the stead of a letter's own event: an edited one, with an id of its own."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, db_index=False)
    letter = models.BigIntegerField()
    event_id = models.CharField(max_length=255, unique=True)
    event_type = models.CharField(max_length=200, default="", blank=True)
    body = models.BinaryField()
    headers = models.BinaryField(default=b"", help_text="MessagePack list of [name, value]")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["job", "letter"], name="edition_once")
        ]


class HandlerRule(models.Model):
    """What is done by itself to letters of one error or failure: see `rule_steps`.

    1. OFF. 2. TRIED: what it would do is noted, nothing is done. 3. ON. It is for letters after
    ``since_letter`` only, those that arrived since it was turned on or tried.
    """

    class Match(models.TextChoices):
        ERROR = "error", "error type"
        FAILURE = "failure", "failure"

    class Mode(models.TextChoices):
        OFF = "off"
        TRIED = "tried"
        ON = "on"

    match = models.CharField(max_length=16, choices=Match.choices)
    value = models.CharField(max_length=200, help_text="error type (* for any) or fingerprint")
    actions = models.JSONField(default=list, help_text="sentences")
    mode = models.CharField(max_length=16, choices=Mode.choices, default=Mode.OFF)
    configured = models.BooleanField(default=False, help_text="of [dead_letters.handlers]")
    since_letter = models.BigIntegerField(default=0)
    looked_until = models.BigIntegerField(default=0, help_text="for what is done at once")
    changed_by = models.CharField(max_length=200, default="", blank=True)
    changed_ms = models.BigIntegerField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["match", "value", "configured"], name="rule_once")
        ]


class Firing(models.Model):
    """One step of a rule for one letter: done, or only ``tried``."""

    rule = models.ForeignKey(HandlerRule, on_delete=models.CASCADE, db_index=False)
    letter = models.BigIntegerField()
    step = models.CharField(max_length=40)
    at_ms = models.BigIntegerField(db_index=True)
    tried = models.BooleanField(default=False)
    job = models.BigIntegerField(null=True, help_text="the job that does it")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["rule", "step", "letter", "tried"], name="rule_fires_once"
            )
        ]
