"""Which topic an event type belongs to, and which types a subscription means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

__all__ = ["Router", "is_pattern", "matches"]


def is_pattern(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def matches(pattern: str, event_type: str) -> bool:
    return pattern == event_type or (is_pattern(pattern) and fnmatchcase(event_type, pattern))


class Router:
    """``routes`` maps type patterns to topics, first match wins; the rest go to ``default``."""

    def __init__(self, routes: Mapping[str, str], default: str) -> None:
        self._routes = dict(routes)
        self._default = default
        self._known: dict[str, str] = {}

    def topic(self, event_type: str) -> str:
        """The topic that events of this type are published to."""
        known = self._known.get(event_type)
        if known is None:
            known = self._find(event_type)
            if len(self._known) < 10_000:
                self._known[event_type] = known
        return known

    def topics(self, pattern: str) -> tuple[str, ...]:
        """Every topic where events that match ``pattern`` may be; exact for a plain type."""
        if not is_pattern(pattern):
            return (self.topic(pattern),)
        found = [topic for route, topic in self._routes.items() if _overlap(route, pattern)]
        return _unique([*found, self._default])

    def _find(self, event_type: str) -> str:
        for pattern, topic in self._routes.items():
            if matches(pattern, event_type):
                return topic
        return self._default


def _overlap(one: str, other: str) -> bool:
    """Whether some type can match both. Compared up to the first wildcard, so rather too often."""
    head, tail = _prefix(one), _prefix(other)
    if not is_pattern(one):
        return matches(other, one)
    return head.startswith(tail) or tail.startswith(head)


def _prefix(pattern: str) -> str:
    for index, sign in enumerate(pattern):
        if sign in "*?[":
            return pattern[:index]
    return pattern


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(items))
