"""Streams and what is known of their reading: leases, gaps, what could not be decoded, schemas."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["Gap", "Lease", "QuarantinedMessage", "RegistryAnswer", "Stream"]


class Stream(models.Model):
    """One Redis stream or Kafka partition: its lease, its checkpoint and what is known of it."""

    broker = models.CharField(max_length=64)
    topic = models.CharField(max_length=255)
    partition = models.IntegerField(default=0)
    dead_letters = models.BooleanField(default=False)

    major = models.BigIntegerField(default=0, help_text="checkpoint: last stored position")
    minor = models.BigIntegerField(default=0)
    ordinal = models.BigIntegerField(
        null=True, help_text="messages ever added up to the checkpoint, by the broker's count"
    )
    identity = models.CharField(
        max_length=64,
        default="",
        blank=True,
        help_text="the broker's id of the topic, another when it is made anew",
    )
    stored = models.BigIntegerField(default=0, help_text="messages stored, ever")
    undecoded = models.BigIntegerField(default=0, help_text="messages quarantined, ever")
    lost = models.BigIntegerField(
        default=0, help_text="discarded by the broker before we read them"
    )
    lag = models.BigIntegerField(default=0, help_text="messages not yet stored, when last looked")
    newest_ms = models.BigIntegerField(
        default=0, help_text="append time of the newest stored event"
    )
    observed_from_ms = models.BigIntegerField(default=0)
    observed_until_ms = models.BigIntegerField(
        default=0, help_text="everything appended up to this moment is stored"
    )

    owner = models.CharField(max_length=128, default="", blank=True)
    fence = models.BigIntegerField(default=0)
    leased_until = models.FloatField(default=0, help_text="seconds since 1970")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["broker", "topic", "partition"], name="stream_place")
        ]


class Lease(models.Model):
    """Who alone may do a named work (compaction, the monitor's clock)."""

    name = models.CharField(max_length=64, primary_key=True)
    owner = models.CharField(max_length=128, default="", blank=True)
    fence = models.BigIntegerField(default=0)
    leased_until = models.FloatField(default=0)


class Gap(models.Model):
    """Messages that the broker discarded before they could be read: exactly how many, and when."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE)
    after_major = models.BigIntegerField()
    after_minor = models.BigIntegerField()
    from_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField()
    lost = models.BigIntegerField()
    found_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["stream", "after_major", "after_minor"], name="gap_once"
            )
        ]


class QuarantinedMessage(models.Model):
    """A message that could not be decoded, with its reason and its (bounded) bytes."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE)
    major = models.BigIntegerField()
    minor = models.BigIntegerField()
    appended_ms = models.BigIntegerField(db_index=True)
    reason = models.CharField(max_length=300)
    body = models.BinaryField()
    headers = models.BinaryField(default=b"")
    size = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "major", "minor"], name="quarantined_once")
        ]


class RegistryAnswer(models.Model):
    """What a schema registry told of a schema, for when it is away (`ingest.registry.remembering`)."""

    place = models.CharField(max_length=300, help_text="of the registry: its url")
    digest = models.CharField(max_length=32, help_text="of the path that was asked for")
    told = models.BinaryField(help_text="JSON")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["place", "digest"], name="registry_answer_once")
        ]
