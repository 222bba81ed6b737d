"""The tables of the ``events`` database. Times are milliseconds since 1970 UTC unless named ``_at``.

Blocks, frames, key runs and postings are written only through `ingest.store`; state rows only
through `ingest.folds`, in the transaction that advances the checkpoint.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models

__all__ = [
    "Block",
    "Breaker",
    "BreakerSample",
    "BreakerTransition",
    "CatalogPiece",
    "ConsumerGroup",
    "DeadLetter",
    "EventSchema",
    "FlowCount",
    "FlowState",
    "Frame",
    "Gap",
    "HealthComponent",
    "HealthPeriod",
    "HealthResult",
    "HealthSpan",
    "HealthStanding",
    "KeyPage",
    "KeyRun",
    "Lease",
    "LetterCell",
    "LetterHour",
    "MetricPiece",
    "Posting",
    "QuarantinedMessage",
    "RegistryAnswer",
    "Series",
    "ServiceEvent",
    "ServiceInstance",
    "Stream",
    "StuckFlow",
    "TracePiece",
]


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


class Series(models.Model):
    """A (type, source, consumer, topic) that is counted; consumer is "" for publishing."""

    type = models.CharField(max_length=200)
    source = models.CharField(max_length=200)
    consumer = models.CharField(max_length=200, default="", blank=True)
    topic = models.CharField(max_length=255)
    created_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["type", "source", "consumer", "topic"], name="series_names"
            )
        ]


class Block(models.Model):
    """A stored batch, its rows in order of append time; the bodies are in its frames.

    ``columns`` is what `ingest.store.blocks` encodes. A block is sealed once it is large enough (or
    old enough) not to be joined with its neighbours; only sealed blocks' keys are merged.
    """

    rows = models.IntegerField()
    first_ms = models.BigIntegerField(db_index=True)
    last_ms = models.BigIntegerField()
    span = models.SmallIntegerField(default=0, help_text="class of last - first, see store.blocks")
    sealed = models.BooleanField(default=False)
    size = models.BigIntegerField(default=0, help_text="bytes stored, keys and frames included")
    columns = models.BinaryField()
    marks = models.SmallIntegerField(default=0, help_text="version of its marks, see store.marks")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["last_ms"], name="block_newest"),
            models.Index(fields=["span", "last_ms"], name="block_at"),
            models.Index(
                fields=["last_ms"], name="block_unsealed", condition=models.Q(sealed=False)
            ),
            models.Index(fields=["marks"], name="block_marks"),
        ]


class Frame(models.Model):
    """Some hundred bodies of a block, packed together: the unit that a read decompresses."""

    block = models.ForeignKey(Block, on_delete=models.CASCADE, db_index=False)
    number = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["block", "number"], name="frame_of_block")
        ]


class Posting(models.Model):
    """Series ``series_id`` occurs in block ``block_id``: what lets a filter skip whole blocks."""

    series_id = models.BigIntegerField()
    block = models.ForeignKey(Block, on_delete=models.CASCADE)
    first_ms = models.BigIntegerField(default=0, help_text="of the block, as last_ms")
    last_ms = models.BigIntegerField()
    rows = models.IntegerField()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["series_id", "last_ms"], name="posting_newest"),
            models.Index(fields=["series_id", "first_ms"], name="posting_oldest"),
        ]


class KeyRun(models.Model):
    """A sorted set of (key hash → block, row), level 0 for one block, higher ones merged.

    Life of a merge, each step a transaction: 1. a BUILDING run is made and its inputs name it in
    ``merged_into``; 2. pages are written for hashes below ``progress``; 3. it becomes LIVE and its
    inputs DEAD at once; 4. the dead are deleted. Only LIVE runs are read.
    """

    class State(models.IntegerChoices):
        LIVE = 0
        BUILDING = 1
        DEAD = 2

    level = models.IntegerField()
    state = models.SmallIntegerField(choices=State.choices, default=State.LIVE)
    keys = models.BigIntegerField()
    first_ms = models.BigIntegerField(default=0, help_text="oldest event that it points to")
    last_ms = models.BigIntegerField(help_text="newest event that it points to")
    blocks = models.BinaryField(help_text="ids of the blocks pointed to, as int64")
    merged_into = models.BigIntegerField(null=True, help_text="the run being built from this one")
    progress = models.BigIntegerField(default=0, help_text="hashes below are merged already")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "level"], name="run_state")]


class KeyPage(models.Model):
    """A page of a run; ``first`` and ``last`` are the bounds of its 48-bit hashes."""

    run = models.ForeignKey(KeyRun, on_delete=models.CASCADE, db_index=False)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["run", "last", "id"], name="page_seek")]


class MetricPiece(models.Model):
    """Counts of one bucket as added by one batch (or merged): a sparse vector of cells.

    ``data`` packs sorted (cell, count) pairs; a cell is series × 65536 + code (`ingest.folds.cells`).
    Pieces of one bucket are summed when read; merging them changes nothing that is seen.
    """

    resolution = models.IntegerField(help_text="seconds: 1, 60 or 3600")
    bucket_ms = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["resolution", "bucket_ms"], name="piece_bucket")]


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


class CatalogPiece(models.Model):
    """What one batch's samples look like; summed up into `EventSchema` and deleted (`ingest.folds.catalog`)."""

    at_ms = models.BigIntegerField()
    data = models.BinaryField()


class EventSchema(models.Model):
    """What payloads of one type and version look like, as far as it was learnt (`ingest.shapes`)."""

    type = models.CharField(max_length=200)
    version = models.CharField(max_length=64, default="", blank=True)
    samples = models.BigIntegerField()
    first_ms = models.BigIntegerField()
    seen_ms = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["type", "version"], name="schema_of_version")
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
