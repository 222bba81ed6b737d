"""Health of components: now, lately, and by day. Written only through `ingest.folds`."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["HealthComponent", "HealthPeriod", "HealthResult", "HealthSpan", "HealthStanding"]


class HealthComponent(models.Model):
    """The latest word of one instance of a component."""

    component = models.CharField(max_length=200)
    service = models.CharField(max_length=200, default="", blank=True)
    instance = models.CharField(max_length=200, default="", blank=True)
    status = models.CharField(max_length=16)
    since_ms = models.BigIntegerField()
    seen_ms = models.BigIntegerField()
    latency_ms = models.FloatField(null=True)
    failures = models.IntegerField(default=0, help_text="consecutive results that are not healthy")
    checks = models.JSONField(default=list)
    probed = models.BooleanField(default=False, help_text="looked at by monitor, not pushed")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["component", "service", "instance"], name="component_names"
            )
        ]


class HealthResult(models.Model):
    """One result of one component instance."""

    component = models.ForeignKey(HealthComponent, on_delete=models.CASCADE, db_index=False)
    at_ms = models.BigIntegerField()
    status = models.CharField(max_length=16)
    latency_ms = models.FloatField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["component", "at_ms"], name="health_history")]


class HealthStanding(models.Model):
    """How a component stands over all its instances: the span that goes on, and the root of its history.

    It outlives the rows of instances, whose names change with every deploy.
    """

    component = models.CharField(max_length=200, unique=True)
    status = models.CharField(max_length=16)
    from_ms = models.BigIntegerField()
    seen_ms = models.BigIntegerField(help_text="its history is told up to here")
    began_ms = models.BigIntegerField(default=0, help_text="when it was first heard of")
    reason = models.CharField(max_length=300, default="", blank=True)


class HealthSpan(models.Model):
    """A stretch of the past in which a component stood one way; spans of one component follow each other."""

    standing = models.ForeignKey(HealthStanding, on_delete=models.CASCADE, db_index=False)
    status = models.CharField(max_length=16)
    from_ms = models.BigIntegerField()
    until_ms = models.BigIntegerField(db_index=True)
    reason = models.CharField(max_length=300, default="", blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["standing", "until_ms"], name="span_history")]


class HealthPeriod(models.Model):
    """How long a component stood each way in one hour or one day (UTC); the rest of it is unknown."""

    standing = models.ForeignKey(HealthStanding, on_delete=models.CASCADE, db_index=False)
    seconds = models.IntegerField(help_text="3600 or 86400")
    begin_ms = models.BigIntegerField()
    healthy_ms = models.BigIntegerField(default=0)
    degraded_ms = models.BigIntegerField(default=0)
    unhealthy_ms = models.BigIntegerField(default=0)
    results = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0, help_text="results that were not healthy")
    timed = models.BigIntegerField(default=0, help_text="results that told a latency")
    latency_ms = models.FloatField(default=0, help_text="sum of those latencies")
    slowest_ms = models.FloatField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["standing", "seconds", "begin_ms"], name="health_period"
            )
        ]
        indexes: ClassVar = [models.Index(fields=["seconds", "begin_ms"], name="period_age")]
