"""Circuit breakers: how they stand, when they changed, what they counted. Written only through `ingest.folds`."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["Breaker", "BreakerSample", "BreakerTransition"]


class Breaker(models.Model):
    """The latest state of one circuit breaker in one instance."""

    name = models.CharField(max_length=200)
    service = models.CharField(max_length=200, default="", blank=True)
    instance = models.CharField(max_length=200, default="", blank=True)
    state = models.CharField(max_length=16)
    first_ms = models.BigIntegerField(null=True, help_text="when it was first told of")
    since_ms = models.BigIntegerField()
    seen_ms = models.BigIntegerField()
    failure_count = models.IntegerField(default=0)
    failure_threshold = models.IntegerField(default=0)
    reset_timeout_ms = models.FloatField(default=0)
    half_open_timeout_ms = models.FloatField(default=0)
    error_rate = models.FloatField(null=True)
    latency_ms = models.FloatField(null=True)
    throughput = models.FloatField(null=True)
    reason = models.TextField(default="", blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "service", "instance"], name="breaker_names")
        ]


class BreakerTransition(models.Model):
    """One change of state of one breaker."""

    breaker = models.ForeignKey(Breaker, on_delete=models.CASCADE, db_index=False)
    at_ms = models.BigIntegerField(db_index=True)
    from_state = models.CharField(max_length=16, default="", blank=True)
    to_state = models.CharField(max_length=16)
    error_rate = models.FloatField(null=True)
    latency_ms = models.FloatField(null=True)
    throughput = models.FloatField(null=True)
    reason = models.TextField(default="", blank=True)
    rejected = models.IntegerField(default=0, help_text="calls refused since its word before")
    stream_id = models.BigIntegerField(default=0)
    major = models.BigIntegerField(default=0)
    minor = models.BigIntegerField(default=0)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["breaker", "at_ms"], name="breaker_history")]


class BreakerSample(models.Model):
    """Numbers that a breaker told without changing its state: what its charts show between changes."""

    breaker = models.ForeignKey(Breaker, on_delete=models.CASCADE, db_index=False)
    at_ms = models.BigIntegerField(db_index=True)
    error_rate = models.FloatField(null=True)
    latency_ms = models.FloatField(null=True)
    throughput = models.FloatField(null=True)
    rejected = models.IntegerField(default=0, help_text="calls refused since its word before")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["breaker", "at_ms"], name="breaker_numbers")]
