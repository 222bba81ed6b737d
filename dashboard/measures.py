"""What alert rules can be made of: every metric, its unit, and what it can be told apart by. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ALL",
    "DIMENSIONS",
    "MEASURES",
    "QUANTILES",
    "SAMPLES",
    "STORED",
    "WINDOW_S",
    "Measure",
]

WINDOW_S = 300
"""Seconds over which rates and quantiles are taken: long enough that an alarm is not an accident."""
DIMENSIONS = ("type", "source", "consumer", "topic")
ALL = "all"
"""Told apart by nothing: one member for the whole."""
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

STORED, SAMPLES = "metrics", "samples"

_HANDLED = ("consumer", "type", "topic", ALL)


@dataclass(frozen=True)
class Measure:
    """``scope`` are the dimensions that may narrow it; ``by`` what it may be told apart by, the usual one
    first, none if it has members of its own, which ``member`` names. ``volume`` is what a minimum
    counts, "" if nothing. ``past``: what a rule on it can be tried on, `STORED` metrics or the `SAMPLES` of monitor."""

    name: str
    title: str
    unit: str
    explanation: str
    scope: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    member: str = ""
    volume: str = ""
    past: str = SAMPLES


def _latencies() -> list[Measure]:
    kinds = {
        "latency": ("Processing time", "handler start to handler end"),
        "queue": ("Queue time", "append to handler start"),
        "critical": ("Critical time", "the event's own timestamp to handler end"),
    }
    return [
        Measure(
            f"{kind}_{name}",
            f"{title} {name}",
            "ms",
            f"{name} of the time from {words}, over the last 5 minutes.",
            scope=("type", "consumer", "topic"),
            by=_HANDLED,
            volume="handlings",
            past=STORED,
        )
        for kind, (title, words) in kinds.items()
        for name in QUANTILES
    ]


def _burns() -> list[Measure]:
    return [
        Measure(
            f"burn_{long}",
            f"Budget burn over {long} and {short}",
            "times",
            "How many times faster than allowed the error budget of an objective is used up: the less of "
            f"the last {long} and the last {short}.",
            member="objective",
            volume="handlings",
            past=STORED,
        )
        for long, short in (("1h", "5m"), ("6h", "30m"), ("3d", "6h"))
    ]


_LISTED = (
    Measure(
        "throughput",
        "Throughput",
        "/s",
        "Events published per second, over the last minute.",
        scope=("type", "source", "topic"),
        by=(ALL, "type", "source", "topic"),
        past=STORED,
    ),
    Measure(
        "error_rate",
        "Error rate",
        "share",
        "(Failed + dead-lettered) ÷ finished handlings of the last 5 minutes.",
        scope=("type", "consumer", "topic"),
        by=_HANDLED,
        volume="handlings",
        past=STORED,
    ),
    Measure(
        "retries",
        "Retries",
        "count",
        "Attempts of the last 5 minutes that are tried again.",
        scope=("type", "consumer", "topic"),
        by=_HANDLED,
        volume="handlings",
        past=STORED,
    ),
    *_latencies(),
    Measure(
        "dead_letters",
        "Dead letters arriving",
        "count",
        "Events given up by a consumer in the last 5 minutes.",
        scope=DIMENSIONS,
        by=("consumer", "type", "source", "topic", ALL),
        past=STORED,
    ),
    Measure(
        "dead_letters_open",
        "Open dead letters",
        "count",
        "Dead letters that nobody has dealt with yet, however old.",
        scope=("type", "consumer", "topic"),
        by=("consumer", "type", "topic", ALL),
    ),
    Measure(
        "backlog",
        "Consumer backlog",
        "events",
        "Events that a consumer group has not finished: not delivered, or not acknowledged.",
        scope=("consumer", "topic"),
        member="group on topic",
    ),
    Measure(
        "backlog_clears",
        "Time to clear the backlog",
        "ms",
        "The backlog ÷ what the consumer finished per second in the last 5 minutes; a week at most.",
        scope=("consumer", "topic"),
        member="group on topic",
    ),
    Measure(
        "breaker",
        "Circuit breaker",
        "state",
        "1 while some instance refuses calls, 0.5 while one is half open, else 0.",
        member="breaker",
        past=STORED,
    ),
    Measure(
        "component",
        "Unhealthy results in a row",
        "count",
        "The most among the instances of a component that still report.",
        member="component",
    ),
    Measure(
        "absence",
        "Absence of an event type",
        "times",
        "Time since the last event of a type ÷ its longest pause of the last 24 hours.",
        scope=("type",),
        member="event type",
    ),
    Measure(
        "stuck_flows",
        "Stuck flows",
        "count",
        "Flows in which an expected step is overdue, by the type that they begin with.",
        scope=("type",),
        member="event type",
    ),
    Measure(
        "clock_skew",
        "Clock behind the broker's",
        "ms",
        "The shortest usual publish delay of a source (its p5): what is above the network's own delay is "
        "a clock that is slow. One that is fast cannot be told so.",
        scope=("source",),
        member="source",
        volume="events",
        past=STORED,
    ),
    Measure(
        "schema_changes",
        "Changes of a schema",
        "count",
        "Versions, and fields that appeared or are gone, of the last hour.",
        scope=("type",),
        member="event type",
    ),
    Measure(
        "ingest_stalled",
        "Ingest stalled",
        "state",
        "1 while no worker of Eventscope reads the broker.",
        member="ingest",
    ),
    Measure(
        "ingest_behind",
        "Ingest behind the broker",
        "ms",
        "How far what is stored lies behind what was appended.",
        member="ingest",
    ),
    *_burns(),
)
MEASURES = {one.name: one for one in _LISTED}
