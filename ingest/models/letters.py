"""Dead letters, and how many there were. Written only through `ingest.folds`."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ingest.models.streams import Stream

__all__ = ["DeadLetter", "FailurePart", "LetterCell", "LetterHour"]


class DeadLetter(models.Model):
    """An event that a consumer gave up, with its error and the original bytes.

    ``superseded``: it was redriven and given up again; the newer letter, whose ``redrives`` is one
    higher, stands for the event from then on. So an event that a consumer cannot handle has one open
    letter, however often it was tried.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        RESOLVED = "resolved"
        SUPERSEDED = "superseded"
        DISCARDED = "discarded"
        ARCHIVED = "archived"

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE)
    major = models.BigIntegerField()
    minor = models.BigIntegerField()
    received_ms = models.BigIntegerField(db_index=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.OPEN)
    event_id = models.CharField(max_length=255, db_index=True)
    event_type = models.CharField(max_length=200)
    source = models.CharField(max_length=200, default="", blank=True)
    correlation_id = models.CharField(max_length=255, default="", blank=True)
    topic = models.CharField(max_length=255, default="", blank=True, help_text="where it came from")
    partition = models.IntegerField(default=0)
    offset = models.CharField(max_length=64, default="", blank=True)
    consumer = models.CharField(max_length=200, default="", blank=True)
    consumer_group = models.CharField(max_length=200, default="", blank=True)
    error_type = models.CharField(max_length=200, default="", blank=True)
    error_message = models.TextField(default="", blank=True)
    error_stack = models.TextField(default="", blank=True)
    fingerprint = models.CharField(max_length=32, default="", blank=True)
    attempts = models.IntegerField(default=0)
    first_failed_ms = models.BigIntegerField(null=True)
    last_failed_ms = models.BigIntegerField(null=True)
    event = models.BinaryField(help_text="the original, byte for byte")
    headers = models.BinaryField(default=b"")
    size = models.BigIntegerField(default=0)
    flags = models.SmallIntegerField(default=0, help_text="of the record, see ingest.records.Flag")
    redrives = models.IntegerField(default=0, help_text="how often it had been put back before")
    archived_ms = models.BigIntegerField(
        null=True, help_text="when it was archived: its time here counts from then"
    )
    origin = models.CharField(
        max_length=300, default="", blank=True, help_text="where it was imported from"
    )

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "major", "minor"], name="dead_letter_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["status", "received_ms"], name="dead_letter_newest"),
            models.Index(fields=["fingerprint", "status", "received_ms"], name="letter_of_failure"),
            models.Index(fields=["event_type", "status", "received_ms"], name="letter_of_type"),
            models.Index(fields=["consumer", "status", "received_ms"], name="letter_of_consumer"),
            models.Index(fields=["error_type", "status", "received_ms"], name="letter_of_error"),
        ]


class LetterCell(models.Model):
    """Dead letters of one failure, type, consumer and topic, counted by status.

    Kept by triggers of the database (`ingest.letter_counts`), whoever changes a letter: a count is
    right when the transaction that changes a status is, and no list has to count letters. A cell whose
    letters have expired stays for a while, and remembers when the failure was seen first.
    """

    fingerprint = models.CharField(max_length=32, default="", blank=True)
    error_type = models.CharField(max_length=200, default="", blank=True)
    event_type = models.CharField(max_length=200, default="", blank=True)
    consumer = models.CharField(max_length=200, default="", blank=True)
    topic = models.CharField(max_length=255, default="", blank=True)
    open = models.BigIntegerField(default=0)
    resolved = models.BigIntegerField(default=0)
    superseded = models.BigIntegerField(default=0)
    discarded = models.BigIntegerField(default=0)
    archived = models.BigIntegerField(default=0)
    first_ms = models.BigIntegerField(help_text="when the first was received, ever")
    last_ms = models.BigIntegerField()
    newest = models.BigIntegerField(help_text="id of the letter stored last")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["fingerprint", "error_type", "event_type", "consumer", "topic"],
                name="letter_cell",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["last_ms"], name="letter_cell_latest")]


class FailurePart(models.Model):
    """Letters of the failure ``origin`` that somebody keeps apart: those that fit, now and later.

    They have ``fingerprint`` in its stead (`ingest.splitting`).
    """

    class Match(models.TextChoices):
        MESSAGE = "message", "message contains"
        TYPE = "type", "event type is"
        CONSUMER = "consumer", "consumer is"

    origin = models.CharField(max_length=32, blank=True, db_index=True)
    match = models.CharField(max_length=16, choices=Match.choices)
    value = models.CharField(max_length=300)
    fingerprint = models.CharField(max_length=32, unique=True)


_SUMMED = ("resolved", "superseded", "discarded", "archived", "reopened", "expired")


class LetterHour(models.Model):
    """What became of the letters of one cell in one hour: how many came, and how many left the open ones.

    Kept by the same triggers. Letters count in the hour in which they were received, changes in the
    hour in which they were made.
    """

    cell = models.ForeignKey(LetterCell, on_delete=models.CASCADE, db_index=False)
    hour_ms = models.BigIntegerField()
    arrived = models.BigIntegerField(default=0)
    resolved = models.BigIntegerField(default=0)
    superseded = models.BigIntegerField(default=0)
    discarded = models.BigIntegerField(default=0)
    archived = models.BigIntegerField(default=0)
    reopened = models.BigIntegerField(default=0)
    expired = models.BigIntegerField(default=0, help_text="deleted while they were open")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cell", "hour_ms"], name="letter_hour")
        ]
        indexes: ClassVar = [
            models.Index(  # holds what is summed: flows are read without a look at the rows
                fields=["hour_ms", "arrived", *_SUMMED],
                name="letter_hour_sums",
            )
        ]
