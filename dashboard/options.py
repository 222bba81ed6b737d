"""The typed configuration that the dashboard owns; the guide's own numbers are the defaults."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from django.utils.text import slugify

from dashboard.inhibit_options import InhibitOptions
from dashboard.receiver_options import MailOptions, ReceiverName, ReceiverOptions, RouteOptions
from dashboard.rule_options import RuleOptions
from ingest.options import Duration, Percentage, Positive, Section

__all__ = [
    "AlertOptions",
    "ComponentOptions",
    "DashboardOptions",
    "DeadLetterOptions",
    "HealthOptions",
    "ObjectiveOptions",
    "PublicComponentOptions",
    "ScalingOptions",
    "StatusOptions",
    "WebOptions",
]


class ObjectiveOptions(Section, frozen=True):
    """What is promised: the lines on the charts and the thresholds of the built-in rules."""

    events_per_second: Annotated[float, msgspec.Meta(gt=0)] = 1000.0
    peak_load: Annotated[float, msgspec.Meta(gt=0)] = 5000.0
    p50: Duration = Duration(0.050)
    p95: Duration = Duration(0.200)
    p99: Duration = Duration(0.500)
    error_rate: Percentage = Percentage(0.001)
    types: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)
    consumers: dict[str, dict[str, Any]] = msgspec.field(default_factory=dict)


class DeadLetterOptions(Section, frozen=True):
    """The guide's dead-letter numbers and its ``errorHandlers``; what bounds a redrive."""

    max_retries: Annotated[int, msgspec.Meta(ge=0)] = 3
    retry_delay: Duration = Duration(300)
    max_redrives: Positive = 5
    max_job: Positive = 200_000
    approval_over: Annotated[int, msgspec.Meta(ge=0)] = 0
    redrive_timeout: Duration = Duration(1800)
    handlers: dict[str, tuple[str, ...]] = msgspec.field(default_factory=dict)


class ComponentOptions(Section, frozen=True):
    """One component that monitor probes: by ``url`` (http, https, tcp) or a built-in ``check``.

    A ``check`` that is an address is its ``url``.
    """

    name: str
    url: str = ""
    check: str = ""
    service: str = ""

    def __post_init__(self) -> None:
        if "://" in self.check and not self.url:
            msgspec.structs.force_setattr(self, "url", self.check)
            msgspec.structs.force_setattr(self, "check", "")


class HealthOptions(Section, frozen=True):
    """How often components are looked at, and when they count as unhealthy or as unknown.

    Silence of ``missed`` intervals is *unknown*; so is an unwell word within ``grace`` of a start.
    """

    interval: Duration = Duration(30)
    timeout: Duration = Duration(5)
    unhealthy_threshold: Positive = 3
    missed: Positive = 3
    grace: Duration = Duration(30)
    components: tuple[ComponentOptions, ...] = (
        ComponentOptions(name="event-bus", check="event-bus"),
        ComponentOptions(name="message-broker", check="broker:main"),
    )

    @property
    def silent_ms(self) -> int:
        """After so long without a word nobody knows how a component is."""
        return int(self.interval * self.missed * 1000)


class PublicComponentOptions(Section, frozen=True):
    """A component as the public sees it: under ``name``, never under its own."""

    name: str
    component: str

    @property
    def slug(self) -> str:
        """The public name as it stands in the address of its badge."""
        return slugify(self.name)

    def __post_init__(self) -> None:
        if not self.slug:
            raise ValueError(f"Expected a name with letters or digits, got {self.name!r}")


class StatusOptions(Section, frozen=True):
    """The public status page: off unless ``enabled``, and of nothing but its ``components``."""

    enabled: bool = False
    title: str = "Status"
    text: str = ""
    incidents: Duration = Duration(14 * 86400)
    max_age: Duration = Duration(30)
    components: Annotated[tuple[PublicComponentOptions, ...], msgspec.Meta(max_length=100)] = ()

    def __post_init__(self) -> None:
        if self.enabled and not self.components:
            raise ValueError("Expected [[status.components]] beside enabled: what is to be shown")
        slugs = [one.slug for one in self.components]
        twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
        if twice:
            raise ValueError(
                f"Expected names that differ in letters or digits; {twice[0]} is twice"
            )


class ScalingOptions(Section, frozen=True):
    """The guide's scaling rules; cpu and memory in percent, backlog in events."""

    min_instances: Positive = 2
    max_instances: Positive = 10
    cpu: Positive = 70
    memory: Positive = 80
    message_backlog: Positive = 1000
    partitions: dict[str, Positive] = msgspec.field(
        default_factory=lambda: {
            "orders-topic": 12,
            "payments-topic": 8,
            "notifications-topic": 4,
        }
    )

    def __post_init__(self) -> None:
        if self.min_instances > self.max_instances:
            raise ValueError(
                f"Expected min_instances of at most max_instances ({self.max_instances}), "
                f"got {self.min_instances}"
            )


class WebOptions(Section, frozen=True):
    """Limits of one web process, and where people reach it: ``public_url`` begins links in messages."""

    max_connections: Positive = 1000
    public_url: str = ""


class AlertOptions(Section, frozen=True):
    """Receivers, quiet hours and rules beyond the built-in ones.

    ``receiver`` gets what no route takes. More than ``digest_over`` messages within ``group_interval``
    are a storm: it is told in one.
    """

    enabled: bool = True
    lag: Duration = Duration(30)
    for_: Duration = msgspec.field(default=Duration(60), name="for")
    reopen_window: Duration = Duration(600)
    flapping_after: Positive = 3
    rules: tuple[RuleOptions, ...] = ()
    inhibit: tuple[InhibitOptions, ...] = ()
    receiver: str = ""
    receivers: dict[ReceiverName, ReceiverOptions] = msgspec.field(default_factory=dict)
    routes: tuple[RouteOptions, ...] = ()
    group_by: tuple[str, ...] = ("rule",)
    group_wait: Duration = Duration(30)
    group_interval: Duration = Duration(300)
    repeat_interval: Duration = Duration(4 * 3600)
    digest_over: Positive = 10
    targets: tuple[str, ...] = ("*",)
    give_up_after: Duration = Duration(36 * 3600)
    keep_deliveries: Duration = Duration(90 * 86400)
    smtp: MailOptions = MailOptions()
    alertmanager_silent: Duration = Duration(12 * 3600)


class DashboardOptions(Section, frozen=True):
    """All that the dashboard reads of the configuration."""

    objectives: ObjectiveOptions = ObjectiveOptions()
    dead_letters: DeadLetterOptions = DeadLetterOptions()
    health: HealthOptions = HealthOptions()
    status: StatusOptions = StatusOptions()
    scaling: ScalingOptions = ScalingOptions()
    web: WebOptions = WebOptions()
    alerts: AlertOptions = AlertOptions()
