"""The typed configuration that ingest owns. Reading files and the environment is `config`'s work.

Every section has the guide's own values as defaults. Structures forbid unknown fields, so a typing
slip in ``eventscope.toml`` is refused with its key (see `decode_options`).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from eventscope.reducers import ROOTS, Verb
from ingest.sections import Duration, OptionsError, Percentage, Positive, Section, decode_options

__all__ = [
    "ActuatorOptions",
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
    "RegistryOptions",
    "RetentionOptions",
    "Section",
    "SecurityOptions",
    "StepOptions",
    "StoreOptions",
    "check_paths",
    "decode_options",
]


class SecurityOptions(Section, frozen=True):
    """Kafka client security, named as librdkafka names it; ``key_password`` opens ``key_file``.

    What would not be used is refused: an account without SASL would be taken for a safe connection.
    """

    protocol: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    mechanism: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = ""
    username: str = ""
    password: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    key_password: str = ""

    def __post_init__(self) -> None:
        account = [name for name in ("mechanism", "username", "password") if getattr(self, name)]
        files = ("ca_file", "certificate_file", "key_file", "key_password")
        certificates = [name for name in files if getattr(self, name)]
        if account and not self.protocol.startswith("sasl"):
            raise ValueError(f"Expected protocol sasl_ssl or sasl_plaintext beside {account[0]}")
        if certificates and not self.protocol.endswith("ssl"):
            raise ValueError(f"Expected protocol ssl or sasl_ssl beside {certificates[0]}")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("Expected certificate_file and key_file together")
        if self.protocol.startswith("sasl") and not (self.mechanism and self.username):
            raise ValueError(f"Expected mechanism and username beside protocol {self.protocol}")

    def __repr__(self) -> str:
        """Without secrets: options are printed in traces."""
        return f"SecurityOptions(protocol={self.protocol!r}, username={self.username!r}, …)"


LONGEST_LOOK_UP = 30


class RegistryOptions(Section, frozen=True):
    """Where the schemas are that a Kafka's values are written by (Confluent's REST API).

    ``timeout`` is the longest that reading waits for schemas it does not know; ``schemas`` are kept.
    """

    url: str
    username: str = ""
    password: str = ""
    ca_file: str = ""
    timeout: Duration = Duration(2)
    schemas: Positive = 1000

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
            raise ValueError("Expected an http or https url of a registry, without an account")
        if self.ca_file and parts.scheme != "https":
            raise ValueError("Expected an https url beside ca_file")
        if self.password and not self.username:
            raise ValueError("Expected username beside password")
        if not 0 < self.timeout <= LONGEST_LOOK_UP:
            raise ValueError(f"Expected a timeout of at most {LONGEST_LOOK_UP} s")

    def __repr__(self) -> str:
        """Without the password: options are printed in traces."""
        return f"RegistryOptions(url={self.url!r}, username={self.username!r}, …)"


class BrokerOptions(Section, frozen=True):
    """One broker: where it is and which of its topics are watched (globs allowed)."""

    type: Literal["redis", "kafka"] = "redis"
    url: str = ""
    bootstrap_servers: tuple[str, ...] = ("kafka:9092",)
    client_id: str = "eventscope"
    group_id: str = "eventscope-ingest"
    security: SecurityOptions = SecurityOptions()
    registry: RegistryOptions | None = None
    topics: tuple[str, ...] = (
        "orders-topic",
        "payments-topic",
        "notifications-topic",
        "system-events",
    )
    dead_letter_topics: tuple[str, ...] = ("failed-events",)

    def __post_init__(self) -> None:
        if self.registry is not None and self.type != "kafka":
            raise ValueError("Expected registry beside type kafka only")


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


Dotted = Annotated[str, msgspec.Meta(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
"""``payload.orderId``: names joined by dots."""
Kind = Annotated[str, msgspec.Meta(pattern="^[A-Za-z][A-Za-z0-9_-]{0,39}$")]
"""A kind of entity, as it stands in the address of its page."""


class StepOptions(Section, frozen=True):
    """One thing that events do to the state of their entity: exactly one of the five verbs.

    ``merge`` is a path into the event, ``into`` the place in the state; the other verbs are places in
    the state, ``from`` is a path into the event and ``value`` what is put there without one.
    """

    on: str | tuple[str, ...] = "*"
    merge: Dotted = ""
    into: Dotted = ""
    set: Dotted = ""
    append: Dotted = ""
    count: Dotted = ""
    remove: Dotted = ""
    from_: Dotted = msgspec.field(default="", name="from")
    value: Any = msgspec.UNSET

    @property
    def verb(self) -> Verb:
        """Which of the five it is. Raises ValueError if it is none, or several."""
        verbs: list[Verb] = [verb for verb in get_args(Verb) if getattr(self, verb)]
        if len(verbs) != 1:
            given = " and ".join(verbs) or "none"
            raise ValueError(f"Expected one of {', '.join(get_args(Verb))}; got {given}")
        return verbs[0]

    @property
    def has_value(self) -> bool:
        return self.value is not msgspec.UNSET

    def __post_init__(self) -> None:
        verb, valued = self.verb, self.has_value
        if self.into and verb != "merge":
            raise ValueError("Expected into beside merge only")
        if (self.from_ or valued) and verb in ("merge", "remove"):
            raise ValueError(f"Expected neither from nor value beside {verb}")
        if verb in ("set", "append") and bool(self.from_) == valued:
            raise ValueError(f"Expected from or value beside {verb}, one of them")
        for path in filter(None, (self.merge, self.from_)):
            _check_root(path)


class EntityOptions(Section, frozen=True):
    """The events of one kind of entity, where its id stands in them, and how its state is made.

    ``version`` is the path of its version in them, "" if they have none. ``reducer`` is ``merge`` or a
    name that importing ``module`` registers; with ``steps`` those are the reducer.
    """

    types: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    id: Dotted
    version: Dotted = ""
    reducer: str = ""
    module: Dotted = ""
    steps: tuple[StepOptions, ...] = ()

    def __post_init__(self) -> None:
        if self.steps and self.reducer:
            raise ValueError("Expected steps or a reducer, not both")
        if self.module and self.reducer in ("", "merge"):
            raise ValueError("Expected beside module the reducer that it registers")
        if self.version:
            _check_root(self.version)


def _check_root(path: str) -> None:
    if path.partition(".")[0] not in ROOTS:
        raise ValueError(
            f"Expected a path that begins with one of {', '.join(ROOTS)}; got {path!r}"
        )


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
    archived_letters: Duration = Duration(30 * 86400)
    quarantine: Duration = Duration(14 * 86400)
    audit: Duration = Duration(400 * 86400)
    health: Duration = Duration(90 * 86400)
    max_bytes: Annotated[int, msgspec.Meta(ge=0)] = 0


class ActuatorOptions(Section, frozen=True):
    """A Spring actuator whose breakers are asked for; ``instance`` is its host and port unless given."""

    url: str
    service: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    instance: Annotated[str, msgspec.Meta(max_length=200)] = ""

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"Expected an http or https url of an actuator, got {self.url!r}")

    @property
    def place(self) -> str:
        """The instance that it tells of."""
        return self.instance or urlsplit(self.url).netloc.rpartition("@")[2]


class BreakerOptions(Section, frozen=True):
    """The guide's circuit-breaker numbers."""

    failure_threshold: Positive = 5
    reset_timeout: Duration = Duration(60)
    half_open_timeout: Duration = Duration(30)
    alert_threshold: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.1
    flapping: Positive = 3
    flapping_window: Duration = Duration(900)
    poll: Duration = Duration(15)
    actuators: Annotated[tuple[ActuatorOptions, ...], msgspec.Meta(max_length=200)] = ()


class LimitOptions(Section, frozen=True):
    """What keeps the worker's memory, the series and the stored bodies bounded."""

    batch_events: Annotated[int, msgspec.Meta(ge=1, le=65536)] = 10_000
    batch_bytes: Annotated[int, msgspec.Meta(ge=65536)] = 16 * 1024 * 1024
    linger: Duration = Duration(0.3)
    lease: Duration = Duration(7)
    series: Positive = 2_000
    body_bytes: Annotated[int, msgspec.Meta(ge=1024)] = 1024 * 1024
    discovery: Duration = Duration(3)
    reading: Duration = Duration(10)


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


class StoreOptions(Section, frozen=True):
    """Where events and their keys are kept: "" is the database ``events``, else a ClickHouse.

    ``cluster`` is what the servers call theirs; its tables are made by hand from ``clickhouse_ddl``.
    ``reading_memory`` limits a statement that reads, in bytes; 0 leaves that to the server.
    """

    url: str = ""
    cluster: Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]*$")] = ""
    create_tables: bool = True
    connect_timeout: Duration = Duration(5)
    timeout: Duration = Duration(30)
    reading_memory: Annotated[int, msgspec.Meta(ge=0)] = 0

    def __post_init__(self) -> None:
        scheme, place = urlsplit(self.url).scheme, urlsplit(self.url)
        if self.url and scheme == "chdb" and not place.path.strip("/"):
            raise ValueError(
                "Expected the folder of an embedded engine, as in chdb:///var/lib/eventscope"
            )
        if self.url and scheme != "chdb" and not (scheme in ("http", "https") and place.hostname):
            raise ValueError(
                "Expected ClickHouse's http or https address, as in http://user:password@host:8123/eventscope"
            )
        if (
            self.url
            and not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*|", place.path.strip("/"))
            and scheme != "chdb"
        ):
            raise ValueError(
                "Expected at the end of the address the name of a database: letters, digits and _"
            )


class IngestOptions(Section, frozen=True):
    """All that ingest reads of the configuration."""

    brokers: dict[str, BrokerOptions] = msgspec.field(
        default_factory=lambda: {"main": BrokerOptions()}
    )
    mapping: tuple[MappingOptions, ...] = ()
    index: IndexOptions = IndexOptions()
    entities: dict[Kind, EntityOptions] = msgspec.field(default_factory=dict)
    privacy: PrivacyOptions = PrivacyOptions()
    retention: RetentionOptions = RetentionOptions()
    circuit_breakers: BreakerOptions = BreakerOptions()
    limits: LimitOptions = LimitOptions()
    flows: FlowOptions = FlowOptions()
    store: StoreOptions = StoreOptions()

    @property
    def key_paths(self) -> tuple[str, ...]:
        """Every path whose values can be searched: those of the index and the ids of entities."""
        return tuple(
            dict.fromkeys([*self.index.paths, *(one.id for one in self.entities.values())])
        )


def check_paths(options: IngestOptions, *, file: str) -> None:
    """Refuse ids of entities that cannot be indexed beside the other paths. Raises `OptionsError`."""
    ids = {f"entities.{kind}.id": one.id for kind, one in options.entities.items()}
    known = [*options.index.paths, *ids.values()]
    hidden = (*options.privacy.redact, *options.privacy.encrypt)
    for key, path in ids.items():
        for taken in hidden:
            if path == taken or _within(path, taken):
                raise OptionsError(
                    f"{file}: {key}: Expected a path that can be read; [privacy] hides {taken}"
                )
        through = [other for other in known if _within(path, other) or _within(other, path)]
        if through:
            raise OptionsError(
                f"{file}: {key}: Expected a path to a value of its own; {path} and {through[0]}, "
                "which is indexed too, lead through each other"
            )


def _within(path: str, other: str) -> bool:
    return path.startswith(f"{other}.")
