"""What monitor tells of itself. Times are milliseconds since 1970 UTC."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["BacklogSample", "Duty"]


class Duty(models.Model):
    """One duty of monitor: when it last ran, whether it went well, and why not."""

    name = models.CharField(max_length=32, primary_key=True)
    owner = models.CharField(max_length=128, default="", blank=True)
    every_ms = models.BigIntegerField(default=0)
    ran_ms = models.BigIntegerField(default=0)
    ok_ms = models.BigIntegerField(default=0, help_text="when it last went well; 0 is never")
    took_ms = models.FloatField(default=0)
    runs = models.BigIntegerField(default=0)
    failures = models.BigIntegerField(default=0, help_text="ever")
    failing = models.IntegerField(default=0, help_text="failures in a row")
    error = models.TextField(default="", blank=True)


class BacklogSample(models.Model):
    """What waited for a consumer group, now and then: the trend on its page."""

    group = models.CharField(max_length=200)
    at_ms = models.BigIntegerField(db_index=True)
    backlog = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["group", "at_ms"], name="backlog_history")]
