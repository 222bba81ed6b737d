"""Episodes of alerts and their timelines. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["AlertRule", "Episode", "EpisodeEntry", "EvaluationRound", "ReadingSample", "Silence"]


class Episode(models.Model):
    """One stretch of time in which a rule held for a subject.

    1. PENDING: the condition holds, not yet for as long as the rule asks. 2. FIRING. 3. ACKNOWLEDGED
    by somebody. 4. RESOLVED: the condition has cleared, or a person said so. 3 goes back to 2 only by a
    person; 4 to 2 if it returns soon; a pending episode whose condition clears is deleted, for nothing
    had happened. A hushed episode keeps its state, for evaluation goes on: it is *shown* as suppressed.
    """

    SUPPRESSED = "suppressed"
    """What a firing episode is shown as while a silence, a maintenance or another alert hushes it."""

    class State(models.TextChoices):
        PENDING = "pending"
        FIRING = "firing"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    class Severity(models.TextChoices):
        CRITICAL = "critical"
        WARNING = "warning"

    class Origin(models.TextChoices):
        EVENTSCOPE = "eventscope"
        ALERTMANAGER = "alertmanager"

    origin = models.CharField(max_length=16, choices=Origin.choices, default=Origin.EVENTSCOPE)
    external_id = models.CharField(
        max_length=100, default="", blank=True, help_text="what it is called where it comes from"
    )
    url = models.CharField(max_length=1000, default="", blank=True, help_text="its page there")
    expected_ms = models.BigIntegerField(
        null=True,
        help_text="of one from elsewhere: when it counts as stale unless it is told again",
    )
    rule = models.CharField(max_length=64)
    subject = models.CharField(max_length=300, default="", blank=True)
    labels = models.JSONField(
        default=dict, blank=True, help_text="text by text: what silences and routes match"
    )
    severity = models.CharField(max_length=16, choices=Severity.choices)
    state = models.CharField(max_length=16, choices=State.choices)
    summary = models.TextField(default="", blank=True)
    value = models.FloatField(null=True)
    peak = models.FloatField(null=True, help_text="the worst value seen")
    threshold = models.FloatField(null=True, help_text="none where another system judges")

    started_ms = models.BigIntegerField()
    fired_ms = models.BigIntegerField(null=True)
    acknowledged_ms = models.BigIntegerField(null=True)
    acknowledged_by = models.CharField(max_length=200, default="", blank=True)
    assigned_to = models.CharField(max_length=200, default="", blank=True)
    resolved_ms = models.BigIntegerField(null=True)
    resolved_by = models.CharField(
        max_length=200, default="", blank=True, help_text="a person; empty if it cleared by itself"
    )
    reopened = models.IntegerField(default=0, help_text="how often it came back")
    reopened_ms = models.BigIntegerField(null=True, help_text="when it last came back")
    flapping = models.BooleanField(default=False)
    suppressed_by = models.CharField(
        max_length=200,
        default="",
        blank=True,
        help_text="what hushes it: silence 3; empty if nothing",
    )
    snoozed_until_ms = models.BigIntegerField(null=True)
    snoozed_by = models.CharField(max_length=200, default="", blank=True)

    evaluated_ms = models.BigIntegerField()
    sampled_ms = models.BigIntegerField(help_text="when a value last went into the timeline")
    held_ms = models.BigIntegerField(
        default=0, help_text="how long it was seen to hold; our own absence does not count"
    )
    cleared_ms = models.BigIntegerField(default=0, help_text="how long it was seen to be clear")
    no_data = models.BooleanField(default=False, help_text="could not be measured just now")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["origin", "rule", "subject", "external_id"],
                condition=~models.Q(state="resolved"),
                name="episode_open_once",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "-started_ms"], name="episode_newest"),
            models.Index(fields=["resolved_ms"], name="episode_history"),
            models.Index(fields=["origin", "external_id"], name="episode_elsewhere"),
        ]

    def is_open(self) -> bool:
        return self.state != self.State.RESOLVED

    def shown_state(self) -> str:
        """The state as people and programs are told it: firing while hushed is suppressed."""
        hushed = self.suppressed_by and self.state == self.State.FIRING
        return self.SUPPRESSED if hushed else str(self.state)

    def hush_words(self) -> str:
        """What hushes it, in words; empty if nothing does."""
        by = self.suppressed_by
        return by if not by or by.startswith("inhibited") else f"hushed by {by}"

    def is_snoozed(self, now_ms: int) -> bool:
        """Whether it is to be left in peace at ``now_ms``."""
        return (
            self.is_open() and self.snoozed_until_ms is not None and self.snoozed_until_ms > now_ms
        )


class EpisodeEntry(models.Model):
    """One line of an episode's timeline; never changed."""

    class Kind(models.TextChoices):
        PENDING = "pending"
        FIRING = "firing"
        RESOLVED = "resolved"
        ACKNOWLEDGED = "acknowledged"
        UNACKNOWLEDGED = "unacknowledged"
        SNOOZED = "snoozed"
        UNSNOOZED = "unsnoozed"
        ASSIGNED = "assigned"
        REOPENED = "reopened"
        SUPPRESSED = "suppressed"
        UNSUPPRESSED = "unsuppressed"
        NOTIFIED = "notified"
        NOTE = "note"
        VALUE = "value"
        NO_DATA = "no_data"
        DATA = "data"

    episode = models.ForeignKey(
        Episode, on_delete=models.CASCADE, related_name="entries", db_index=False
    )
    at_ms = models.BigIntegerField()
    kind = models.CharField(max_length=16, choices=Kind.choices)
    by = models.CharField(max_length=200, default="", blank=True)
    note = models.TextField(default="", blank=True)
    value = models.FloatField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["episode", "at_ms"], name="episode_timeline")]


class EvaluationRound(models.Model):
    """The latest round of evaluation, one row: whether somebody watches at all."""

    at_ms = models.BigIntegerField()
    observed = models.IntegerField(default=0, help_text="subjects looked at")
    unknown = models.IntegerField(default=0, help_text="of them could not be measured")
    left_out = models.JSONField(default=dict, help_text="rule → members beyond the bound")


class AlertRule(models.Model):
    """A rule that an admin made, or tuned: of its name it counts before any other."""

    name = models.CharField(max_length=63, unique=True)
    definition = models.JSONField(help_text="as in [[alerts.rules]]: dashboard.rule_options")
    changed_by = models.CharField(max_length=200, default="", blank=True)
    changed_ms = models.BigIntegerField()


class Silence(models.Model):
    """What hushes alerts by their labels for a time, once or weekly; kept after its end, as its history."""

    class Kind(models.TextChoices):
        SILENCE = "silence"
        MAINTENANCE = "maintenance"

    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SILENCE)
    matchers = models.JSONField(default=list, help_text="sentences, all of which must fit")
    comment = models.TextField(default="", blank=True)
    starts_ms = models.BigIntegerField()
    ends_ms = models.BigIntegerField(help_text="of a weekly one: of its first time")
    weekly = models.BooleanField(default=False)
    zone = models.CharField(max_length=60, default="UTC", help_text="whose clocks weeks go by")
    created_ms = models.BigIntegerField()
    created_by = models.CharField(max_length=200)
    ended_ms = models.BigIntegerField(null=True, help_text="ended by a person before its time")
    ended_by = models.CharField(max_length=200, default="", blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["-ends_ms", "-id"], name="silence_newest")]

    @property
    def name(self) -> str:
        """As an episode tells what hushes it."""
        return f"{self.kind} {self.pk}"

    def has_ended(self, now_ms: int) -> bool:
        return self.ended_ms is not None or (not self.weekly and self.ends_ms <= now_ms)


class ReadingSample(models.Model):
    """What a metric without a past of its own was in one minute: see `dashboard.alerts.sampling`."""

    metric = models.CharField(max_length=40)
    at_ms = models.BigIntegerField(db_index=True)
    data = models.BinaryField(help_text="packed members: subject, value, labels")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["metric", "at_ms"], name="reading_sampled_once")
        ]
