"""Who is told of alerts: receivers, routes and the mail server, as they stand in ``[alerts]``.

Secrets are not here: each receiver has one variable of the environment, see `secret_variable`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from dashboard.matchers import MatcherError, read_matcher
from ingest.options import Duration, OptionsError, Section

if TYPE_CHECKING:
    from dashboard.options import AlertOptions

__all__ = [
    "MailOptions",
    "QuietOptions",
    "ReceiverKind",
    "ReceiverName",
    "ReceiverOptions",
    "RouteOptions",
    "check_receivers",
    "secret_variable",
]

ReceiverKind = Literal["email", "webhook", "slack", "teams", "pagerduty", "alertmanager", "apprise"]
ReceiverName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,39}$")]
"""As it stands in addresses of pages and, in capitals, in names of variables."""
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
OfDay = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]

ADDRESSED = ("webhook", "alertmanager")
MAY_BE_ADDRESSED = (*ADDRESSED, "pagerduty")
SECRETS: dict[str, str] = {
    "webhook": "the key that its messages are signed with",
    "slack": "the address of its incoming webhook",
    "teams": "the address of its workflow",
    "pagerduty": "its integration key",
    "apprise": "its Apprise URL",
}
"""Without these a receiver cannot be told; of the others the secret is optional."""


class QuietOptions(Section, frozen=True):
    """When a receiver is left in peace: from ``from`` until ``until`` of the next ``until``, on ``days``."""

    from_: OfDay = msgspec.field(default="22:00", name="from")
    until: OfDay = "07:00"
    time_zone: str = "UTC"
    days: tuple[Day, ...] = get_args(Day)
    critical: bool = True

    def __post_init__(self) -> None:
        if self.from_ == self.until:
            raise ValueError("Expected from and until to differ")
        try:
            ZoneInfo(self.time_zone)
        except (ValueError, OSError, LookupError) as error:
            raise ValueError(
                f"Expected a time zone such as 'Europe/Berlin', got {self.time_zone!r}"
            ) from error


class ReceiverOptions(Section, frozen=True):
    """One receiver. ``url`` is of a webhook or an Alertmanager, or of PagerDuty elsewhere (in the EU);
    ``to`` are addresses of mail; ``resolved``: whether it is told the end, too.
    """

    type: ReceiverKind
    to: tuple[str, ...] = ()
    url: str = ""
    private: bool = False
    resolved: bool = True
    quiet: QuietOptions | None = None

    def __post_init__(self) -> None:
        if (self.type == "email") != bool(self.to):
            raise ValueError("Expected to, a list of addresses, for email and for nothing else")
        wrong = [address for address in self.to if not _is_address(address)]
        if wrong:
            raise ValueError(f"Expected addresses such as ops@example.com, got {wrong[0]!r}")
        if self.type in ADDRESSED and not self.url:
            raise ValueError(f"Expected url, the address of the {self.type}")
        if self.url and self.type not in MAY_BE_ADDRESSED:
            raise ValueError(
                f"Expected no url for {self.type}; its address is a secret, or it has none"
            )
        if self.url:
            check_address(self.url)


class RouteOptions(Section, frozen=True):
    """Which alerts a receiver gets. What is not given here is as in ``[alerts]``."""

    receiver: ReceiverName
    name: str = ""
    matchers: tuple[str, ...] = ()
    group_by: tuple[str, ...] | None = None
    group_wait: Duration | None = None
    group_interval: Duration | None = None
    repeat_interval: Duration | None = None
    goes_on: bool = msgspec.field(default=False, name="continue")
    escalate_after: Duration | None = None
    escalate_to: str = ""

    def __post_init__(self) -> None:
        for text in self.matchers:
            try:
                read_matcher(text)
            except MatcherError as error:
                raise ValueError(str(error)) from error
        if (self.escalate_after is not None) != bool(self.escalate_to):
            raise ValueError("Expected escalate_after and escalate_to together")


class MailOptions(Section, frozen=True):
    """The mail server; its password is in the environment."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    username: str = ""
    sender: str = "Eventscope <eventscope@localhost>"


def secret_variable(name: str) -> str:
    """The variable that holds the secret of the receiver called so; a file may be named in ``…_FILE``."""
    return f"EVENTSCOPE_RECEIVER_{name.upper().replace('-', '_')}"


def check_address(url: str) -> None:
    """Raises ValueError unless it is an http or https address without a password in it."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(
            f"Expected an address such as https://example.com/hook: {error}"
        ) from error
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(
            "Expected an address that begins with https:// or http:// and names a host"
        )
    if "@" in parts.netloc:
        raise ValueError(
            "Expected no name or password in an address; put secrets in the environment"
        )


def check_receivers(alerts: AlertOptions, secrets: Mapping[str, str], *, file: str) -> None:
    """Whether routes name receivers that exist, and receivers have what they need. Raises `OptionsError`."""
    known = ", ".join(alerts.receivers) or "none are configured"
    for key, name in _named(alerts):
        if name and name not in alerts.receivers:
            raise OptionsError(f"{file}: {key}: no receiver is called {name!r}; there are: {known}")
    names = [route.name or f"route {number}" for number, route in enumerate(alerts.routes, 1)]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise OptionsError(f"{file}: alerts.routes[{number}].name: {name!r} is taken already")
    for name, receiver in alerts.receivers.items():
        _check_receiver(name, receiver, alerts, secrets.get(name, ""), file)


def _named(alerts: AlertOptions) -> list[tuple[str, str]]:
    found = [("alerts.receiver", alerts.receiver)]
    for number, route in enumerate(alerts.routes):
        found.append((f"alerts.routes[{number}].receiver", route.receiver))
        found.append((f"alerts.routes[{number}].escalate_to", route.escalate_to))
    return found


def _check_receiver(
    name: str, receiver: ReceiverOptions, alerts: AlertOptions, secret: str, file: str
) -> None:
    place = f"{file}: alerts.receivers.{name}"
    if receiver.type == "email" and not alerts.smtp.host:
        raise OptionsError(f"{place}: Expected alerts.smtp.host, for it is told by e-mail")
    if receiver.type in SECRETS and not secret:
        raise OptionsError(
            f"{place}: Expected {SECRETS[receiver.type]} in {secret_variable(name)} "
            f"or in the file that {secret_variable(name)}_FILE names"
        )
    if receiver.type in ("slack", "teams"):
        try:
            check_address(secret)
        except ValueError as error:
            raise OptionsError(f"environment: {secret_variable(name)}: {error}") from error


def _is_address(text: str) -> bool:
    name, at, host = text.rpartition("@")
    return bool(name and at and host) and not any(c.isspace() or c in '<>,;"' for c in text)
