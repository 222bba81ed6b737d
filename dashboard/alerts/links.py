"""Links in notifications by which their receiver acts without signing in.

A link says which alerts, which act and for whom, and is signed: nothing of it can be changed. Looking at it
changes nothing (mail scanners look); its page asks, and the POST acts as the receiver it was made for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.core import signing
from django.urls import reverse

from eventscope.errors import EventscopeError

__all__ = [
    "LIFETIME_S",
    "LINKED_ACTS",
    "MOST_LINKED",
    "LinkError",
    "Order",
    "action_link",
    "read_link",
]

LIFETIME_S = 3 * 86_400
LINKED_ACTS = ("acknowledge", "snooze", "resolve")
MOST_LINKED = 50
PURPOSE = "eventscope.alerts.act"


class LinkError(EventscopeError, ValueError):
    """The link is not one of ours, or too old."""


@dataclass(frozen=True)
class Order:
    """What a link lets its bearer do."""

    ids: tuple[int, ...]
    act: str
    receiver: str

    @property
    def actor(self) -> str:
        """The name under which the audit log tells of it."""
        return f"{self.receiver} (by link)"


def action_link(episode_ids: Iterable[int], action: str, receiver: str) -> str:
    """The path (from the root) by which ``receiver`` may do one of `LINKED_ACTS` for three days.

    Of more than `MOST_LINKED` alerts it is for the first ones. Raises `LinkError` for another act.
    """
    if action not in LINKED_ACTS:
        raise LinkError(f"{action!r} is not done by a link; {', '.join(LINKED_ACTS)} are.")
    order = {"ids": list(episode_ids)[:MOST_LINKED], "act": action, "for": receiver[:180]}
    token = signing.dumps(order, salt=PURPOSE, compress=True)
    return reverse("alerts:act", args=[token])


def read_link(token: str) -> Order:
    """What the token stands for. Raises `LinkError`, in words for who holds it."""
    try:
        order = signing.loads(token, salt=PURPOSE, max_age=LIFETIME_S)
    except signing.SignatureExpired as error:
        raise LinkError("This link is too old: it worked for three days.") from error
    except signing.BadSignature as error:
        raise LinkError(
            "This is not a link that Eventscope has sent; perhaps a part is missing."
        ) from error
    return Order(tuple(order["ids"]), order["act"], order["for"])
