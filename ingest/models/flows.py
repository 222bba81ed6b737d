"""Correlations under way, and the flows that were learnt from them (`ingest.flows`)."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = ["FlowCount", "FlowState", "StuckFlow", "TracePiece"]


class TracePiece(models.Model):
    """Events that flows are learnt from: those of one batch, or carried over by the learner.

    ``data`` is what `ingest.folds.traces` packs. A piece is deleted by whoever has learnt from it.
    """

    bits = models.SmallIntegerField(help_text="1 in 2**bits correlations was traced")
    events = models.IntegerField()
    newest_ms = models.BigIntegerField(db_index=True)
    carried = models.BooleanField(default=False, help_text="written by the learner, not by ingest")
    data = models.BinaryField()


class FlowCount(models.Model):
    """What was seen of one step of one kind of flow on one day (by when its first event was appended).

    A flow is all that one correlation brought; ``start`` is the type that it began with. Three kinds
    of rows: the flow itself (no ``parent``, no ``type``; ``delays`` is how long it took), a type in it
    (no ``parent``; delay since the start), and a type after its cause's type (delay since the cause).
    """

    day = models.IntegerField(help_text="days since 1970 UTC")
    start = models.CharField(max_length=200)
    parent = models.CharField(max_length=200, default="", blank=True)
    type = models.CharField(max_length=200, default="", blank=True)
    correlations = models.BigIntegerField(default=0, help_text="in how many it came at least once")
    occurrences = models.BigIntegerField(default=0)
    delays = models.BinaryField(default=b"", help_text="sketch of the first one's delay in each")
    sources = models.JSONField(default=dict, help_text="source → occurrences")
    without = models.JSONField(
        default=dict, help_text="type expected after the same cause → correlations that lacked it"
    )
    first_ms = models.BigIntegerField()
    last_ms = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["start", "day", "parent", "type"], name="flow_step")
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="flow_day")]


class StuckFlow(models.Model):
    """A correlation in which an expected event is overdue, as the learner saw it last."""

    correlation = models.BigIntegerField(unique=True, help_text="hash of its id")
    correlation_id = models.CharField(max_length=255, default="", blank=True)
    start = models.CharField(max_length=200)
    started_ms = models.BigIntegerField()
    last_type = models.CharField(max_length=200)
    last_source = models.CharField(max_length=200, default="", blank=True)
    last_ms = models.BigIntegerField()
    parent = models.CharField(max_length=200, help_text="after what it should have come")
    parent_ms = models.BigIntegerField()
    type = models.CharField(max_length=200, help_text="what should have come")
    source = models.CharField(max_length=200, default="", blank=True, help_text="mostly from whom")
    missing = models.IntegerField(default=1, help_text="how many steps are overdue")
    share = models.FloatField()
    usual_ms = models.FloatField(help_text="p99 of the delay")
    due_ms = models.BigIntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_ms"], name="stuck_longest"),
            models.Index(fields=["start", "due_ms"], name="stuck_of_start"),
        ]


class FlowState(models.Model):
    """How far flows are learnt, and from how much: one row."""

    bits = models.SmallIntegerField(default=0, help_text="learnt from 1 in 2**bits correlations")
    bits_ms = models.BigIntegerField(default=0, help_text="when so many bits were last needed")
    unsure_until_ms = models.BigIntegerField(
        default=0, help_text="flows that were under way before may be seen in part"
    )
    watermark_ms = models.BigIntegerField(default=0, help_text="all appended until then is seen")
    learnt = models.BigIntegerField(default=0, help_text="correlations, ever")
    evicted = models.BigIntegerField(default=0, help_text="ended early for want of room, ever")
    overflowed = models.BigIntegerField(default=0, help_text="steps beyond the bounds, ever")
    open = models.BigIntegerField(default=0, help_text="correlations under way")
    stuck = models.JSONField(default=dict, help_text="start type → stuck flows")
    ran_ms = models.BigIntegerField(default=0)
