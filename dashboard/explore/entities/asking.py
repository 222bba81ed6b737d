"""What the address of an entity asks for, read strictly. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.explore.errors import FilterError
from dashboard.explore.values import parse_time

__all__ = ["LONGEST_ID", "EntityAsk", "check_id", "parse_entity_ask"]

LONGEST_ID = 512
_NUMBER = re.compile(r"[0-9]{1,9}")
_NAMES = ("at", "event", "from", "order", "step")


@dataclass(frozen=True, slots=True)
class EntityAsk:
    """The moment to show, as a time (ms), an event or a step; none of them means the newest.

    ``first`` is the step that the list begins with, None for one that holds the chosen step.
    """

    at_ms: int | None = None
    event_id: str = ""
    step: int | None = None
    first: int | None = None
    newest_first: bool = True


def parse_entity_ask(parameters: Mapping[str, Sequence[str]], *, now_ms: int) -> EntityAsk:
    """Raises `FilterError` for what is not known, given twice, or not right."""
    values: dict[str, str] = {}
    for name, given in parameters.items():
        if name not in _NAMES:
            raise FilterError(name, f"unknown; expected one of {', '.join(_NAMES)}")
        filled = [value.strip() for value in given if value.strip()]
        if len(filled) > 1:
            raise FilterError(name, "given more than once")
        values |= dict.fromkeys([name][: len(filled)], "".join(filled))
    if "step" in values and values.keys() & {"at", "event"}:
        raise FilterError("step", "cannot be joined with at or event; leave one out")
    if values.get("order", "newest") not in ("newest", "oldest"):
        raise FilterError("order", f"{values['order']!r} is neither newest nor oldest")
    return EntityAsk(
        at_ms=parse_time("at", values["at"], now_ms) if "at" in values else None,
        event_id=check_id("event", values.get("event", "")),
        step=_number(values, "step"),
        first=_number(values, "from"),
        newest_first=values.get("order", "newest") == "newest",
    )


def check_id(place: str, text: str) -> str:
    """``text`` if it can be an id. Raises `FilterError`."""
    if len(text) > LONGEST_ID or "\x00" in text:
        raise FilterError(place, f"longer than {LONGEST_ID} characters, or not text")
    return text


def _number(values: Mapping[str, str], name: str) -> int | None:
    if name not in values:
        return None
    if not _NUMBER.fullmatch(values[name]):
        raise FilterError(name, f"{values[name][:40]!r} is not a whole number")
    return int(values[name])
