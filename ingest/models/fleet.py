"""Services and consumer groups."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from ingest.models.streams import Stream

__all__ = ["ConsumerGroup", "ServiceEvent", "ServiceInstance"]


class ServiceInstance(models.Model):
    """One running (or stopped) instance of a service."""

    service = models.CharField(max_length=200)
    instance = models.CharField(max_length=200, default="", blank=True)
    version = models.CharField(max_length=100, default="", blank=True)
    host = models.CharField(max_length=200, default="", blank=True)
    started_ms = models.BigIntegerField(null=True)
    stopped_ms = models.BigIntegerField(null=True)
    seen_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["service", "instance"], name="instance_names")
        ]


class ServiceEvent(models.Model):
    """A start, a stop or an error that a service told of: the markers on the charts."""

    kind = models.CharField(max_length=16, help_text="started, stopped or error")
    service = models.CharField(max_length=200)
    instance = models.CharField(max_length=200, default="", blank=True)
    version = models.CharField(max_length=100, default="", blank=True)
    text = models.TextField(default="", blank=True)
    at_ms = models.BigIntegerField(db_index=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["kind", "at_ms"], name="service_event_kind")]


class ConsumerGroup(models.Model):
    """A consumer group on one stream, as the broker told when it was last asked."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, db_index=False)
    name = models.CharField(max_length=200)
    lag = models.BigIntegerField(null=True, help_text="not yet delivered; None if unknown")
    pending = models.BigIntegerField(default=0, help_text="delivered, not acknowledged")
    consumers = models.IntegerField(default=0)
    members = models.IntegerField(
        null=True, help_text="consumers of the group, each counted once whatever it reads"
    )
    delivered_ms = models.BigIntegerField(
        null=True, help_text="when the last delivered was appended; none if unknown"
    )
    sampled_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["stream", "name"], name="group_of_stream")
        ]
