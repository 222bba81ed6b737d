"""What a section of the configuration is made of, and how one is read out of plain TOML data."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any

import msgspec

from eventscope.durations import parse_duration
from eventscope.errors import EventscopeError
from ingest.expectations import expected_at

__all__ = ["Duration", "OptionsError", "Percentage", "Positive", "Section", "decode_options"]


class OptionsError(EventscopeError, ValueError):
    """The configuration is not right; the message names file, key and what was expected."""


class Duration(float):
    """Seconds, written in the file as "5m" or "60s"."""


class Percentage(float):
    """A share from 0 to 1, written in the file as "0.1%" or 0.001."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every configuration section."""


Positive = Annotated[int, msgspec.Meta(ge=1)]


def decode_options(value: Any, kind: type[Any], *, file: str, prefix: str = "") -> Any:
    """``value`` (plain TOML data) as ``kind``. Raises `OptionsError` naming file, key, expectation."""
    try:
        return msgspec.convert(value, kind, dec_hook=_decode_special)
    except msgspec.ValidationError as error:
        message = _with_member(str(error), value, kind)
        raise OptionsError(_explain(message, kind, file=file, prefix=prefix)) from error


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
    if isinstance(value, bool):
        raise ValueError("neither true nor false")
    if isinstance(value, str):
        number, percent = value.strip().removesuffix("%"), value.strip().endswith("%")
        share = float(number) / (100 if percent else 1)
    else:
        share = float(value)
    if not 0 <= share <= 1:
        raise ValueError("out of range")
    return share


_WITHOUT_CHOICES = ("Object contains unknown field", "Invalid enum value")
_PLACE = re.compile(r" - at (?:`key` in )?`\$(.*)`$", re.DOTALL)


def _explain(message: str, kind: type[Any], *, file: str, prefix: str) -> str:
    """msgspec's "Expected `int`, got `str` - at `$.health.interval`" as file, key and expectation."""
    place = _PLACE.search(message)
    expected = message[: place.start()] if place else message
    path = place.group(1) if place else ""
    key = (prefix + path).lstrip(".") or prefix.rstrip(".") or "(top level)"
    choices = expected_at(path, kind) if expected.startswith(_WITHOUT_CHOICES) else ""
    return f"{file}: {key}: {expected}" + (f"; expected {choices}" if choices else "")


def _with_member(message: str, value: Any, kind: type[Any]) -> str:
    """msgspec writes ``$.entities[...].id``; the member is the one that is refused without the others."""
    place = _PLACE.search(message)
    path, dots, _ = (place.group(1) if place else "").removeprefix(".").partition("[...]")
    sections = path.split(".")
    members = _inside(value, sections) if dots else None
    if not isinstance(members, dict):
        return message
    for name in members:
        try:
            alone = _with_inside(value, sections, {name: members[name]})
            msgspec.convert(alone, kind, dec_hook=_decode_special)
        except msgspec.ValidationError as error:
            return str(error).replace("[...]", f".{name}", 1)
    return message


def _inside(value: Any, sections: list[str]) -> Any:
    for section in sections:
        value = value.get(section) if isinstance(value, dict) else None
    return value


def _with_inside(value: Any, sections: list[str], members: Any) -> Any:
    """``value`` with ``members`` at that place, and all else as it is."""
    if not sections:
        return members
    first, *rest = sections
    return {**value, first: _with_inside(value[first], rest, members)}
