"""The typed configuration that ingest owns. Reading files and the environment is `config`'s work.

Every section has the guide's own values as defaults. Structures forbid unknown fields, so a typing
slip in ``eventscope.toml`` is refused with its key (see `decode_options`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import msgspec

from eventscope.durations import parse_duration
from eventscope.errors import EventscopeError

__all__ = [
    "BreakerOptions",
    "BrokerOptions",
    "Duration",
    "EntityOptions",
    "FlowOptions",
    "IndexOptions",
    "IngestOptions",
    "LimitOptions",
    "MappingOptions",
    "OptionsError",
    "Percentage",
    "Positive",
    "PrivacyOptions",
    "RetentionOptions",
    "Section",
    "decode_options",
]


class OptionsError(EventscopeError, ValueError):
    """The configuration is not right; the message names file, key and what was expected."""


class Duration(float):
    """Seconds, written in the file as "5m" or "60s"."""


class Percentage(float):
    """A share from 0 to 1, written in the file as "0.1%" or 0.001."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every configuration section."""


Positive = Annotated[int, msgspec.Meta(ge=1)]


class SecurityOptions(Section, frozen=True):
    """Kafka client security, named as librdkafka names it."""

    protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    mechanism: str = ""
    username: str = ""
    password: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""


class BrokerOptions(Section, frozen=True):
    """One broker: where it is and which of its topics are watched (globs allowed)."""

    type: Literal["redis", "kafka"] = "redis"
    url: str = ""
    bootstrap_servers: tuple[str, ...] = ("kafka:9092",)
    client_id: str = "eventscope"
    group_id: str = "eventscope-ingest"
    security: SecurityOptions = SecurityOptions()
    topics: tuple[str, ...] = (
        "orders-topic",
        "payments-topic",
        "notifications-topic",
        "system-events",
    )
    dead_letter_topics: tuple[str, ...] = ("failed-events",)


class MappingOptions(Section, frozen=True):
    """Where another envelope keeps its parts: dotted paths into the JSON body, or ``header:name``."""

    topics: tuple[str, ...] = ("*",)
    id: str = ""
    type: str = ""
    time: str = ""
    source: str = ""
    version: str = ""
    correlation: str = ""
    causation: str = ""
    payload: str = ""


class EntityOptions(Section, frozen=True):
    """The events of one kind of entity and where its id stands in them."""

    types: tuple[str, ...]
    id: str
    reducer: str = "merge"


class IndexOptions(Section, frozen=True):
    """Payload paths that can be searched by value, besides the ids."""

    paths: tuple[str, ...] = (
        "payload.orderId",
        "payload.customerId",
    )


class PrivacyOptions(Section, frozen=True):
    """Payload paths that are taken out, or encrypted, before anything is stored; who may see the latter."""

    redact: tuple[str, ...] = ()
    encrypt: tuple[str, ...] = ()
    reveal: Literal["admin", "operator"] = "admin"


class MetricsRetention(Section, frozen=True):
    """How long buckets of each resolution are kept: ``"1s" = "6h"`` and so on."""

    second: Duration = msgspec.field(default=Duration(6 * 3600), name="1s")
    minute: Duration = msgspec.field(default=Duration(14 * 86400), name="1m")
    hour: Duration = msgspec.field(default=Duration(400 * 86400), name="1h")


class RetentionOptions(Section, frozen=True):
    """How long each thing is kept. ``max_bytes`` 0 means no limit by size."""

    events: Duration = Duration(14 * 86400)
    metrics: MetricsRetention = MetricsRetention()
    dead_letters: Duration = Duration(90 * 86400)
    quarantine: Duration = Duration(14 * 86400)
    audit: Duration = Duration(400 * 86400)
    max_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0


class BreakerOptions(Section, frozen=True):
    """The guide's circuit-breaker numbers."""

    failure_threshold: Positive = 5
    reset_timeout: Duration = Duration(60)
    half_open_timeout: Duration = Duration(30)
    alert_threshold: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.1


class LimitOptions(Section, frozen=True):
    """What keeps the worker's memory, the series and the stored bodies bounded."""

    batch_events: Annotated[int, msgspec.Meta(ge=1, le=65536)] = 10_000
    batch_bytes: Annotated[int, msgspec.Meta(ge=65536)] = 16 * 1024 * 1024
    linger: Duration = Duration(0.3)
    lease: Duration = Duration(10)
    series: Positive = 2_000
    body_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 1024 * 1024
    discovery: Duration = Duration(3)


class FlowOptions(Section, frozen=True):
    """How flows are learnt, and when a step that has not come is told.

    A step is expected when it came in at least ``share`` of ``samples`` or more; it is late after
    ``late_factor`` × the p99 of its delay, and not before ``late_least``.
    """

    events_per_second: Annotated[int, msgspec.Meta(ge=0)] = 1000
    quiet: Duration = Duration(600)
    longest: Duration = Duration(3600)
    window: Duration = Duration(7 * 86400)
    share: Percentage = Percentage(0.98)
    samples: Positive = 50
    late_factor: Annotated[float, msgspec.Meta(ge=1)] = 3.0
    late_least: Duration = Duration(5)


class IngestOptions(Section, frozen=True):
    """All that ingest reads of the configuration."""

    brokers: dict[str, BrokerOptions] = msgspec.field(
        default_factory=lambda: {"main": BrokerOptions()}
    )
    mapping: tuple[MappingOptions, ...] = ()
    index: IndexOptions = IndexOptions()
    entities: dict[str, EntityOptions] = {}
    privacy: PrivacyOptions = PrivacyOptions()
    retention: RetentionOptions = RetentionOptions()
    circuit_breakers: BreakerOptions = BreakerOptions()
    limits: LimitOptions = LimitOptions()
    flows: FlowOptions = FlowOptions()


def decode_options(value: Any, kind: type[Any], *, file: str, prefix: str = "") -> Any:
    """``value`` (plain TOML data) as ``kind``. Raises `OptionsError` naming file, key, expectation."""
    try:
        return msgspec.convert(value, kind, dec_hook=_decode_special)
    except msgspec.ValidationError as error:
        raise OptionsError(_explain(str(error), file=file, prefix=prefix)) from error


def _decode_special(kind: type[Any], value: Any) -> Any:
    if kind is Duration:
        return Duration(_read(parse_duration, value, "a duration such as '30s' or '5m'"))
    if kind is Percentage:
        return Percentage(_read(_parse_share, value, "a share such as '0.1%' or 0.001"))
    raise NotImplementedError(kind)


def _read(parse: Callable[[Any], float], value: Any, expected: str) -> float:
    try:
        return parse(value)
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"Expected {expected}, got {value!r}") from error


def _parse_share(value: Any) -> float:
    if isinstance(value, str):
        number, percent = value.strip().removesuffix("%"), value.strip().endswith("%")
        share = float(number) / (100 if percent else 1)
    else:
        share = float(value)
    if not 0 <= share <= 1:
        raise ValueError("out of range")
    return share


def _explain(message: str, *, file: str, prefix: str) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.health.interval`" as file, key and expectation."""
    expected, _, path = message.partition(" - at `$")
    key = (prefix + path.rstrip("`")).lstrip(".") or prefix.rstrip(".") or "(top level)"
    return f"{file}: {key}: {expected}"
