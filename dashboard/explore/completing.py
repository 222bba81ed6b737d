"""What the query bar proposes at its caret: fields first, then the values that were seen. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dashboard.explore.fields import FIELDS, Names, field_names, find_field
from dashboard.explore.outcomes import OUTCOMES
from dashboard.explore.tokens import QueryTextError, Token, quote, read_tokens

__all__ = ["Completion", "complete"]

MOST = 20
_AGES = ["5m", "15m", "1h", "6h", "24h", "7d"]
_DURATIONS = [">100ms", ">500ms", ">1s", ">2s", ">10s", ">1m"]


class Completion(NamedTuple):
    """Put ``text`` in the place of ``length`` characters from ``at`` on; ``hint`` explains it."""

    text: str
    at: int
    length: int
    kind: str
    hint: str = ""


def complete(text: str, caret: int, names: Names) -> list[Completion]:
    """What may stand at ``caret``, best first; nothing within a text that cannot be read."""
    caret = max(0, min(caret, len(text)))
    try:
        token = _token_at(text, caret)
    except QueryTextError:
        return []
    if token is None:
        return _fields("", caret, caret, "", names)
    if token.name:
        return _values(token, text, caret, names)
    value = token.values[0]
    if value.quoted:
        return []
    sign = value.text[:1] if value.text[:1] in ("-", "!") else ""
    return _fields(value.text[len(sign) :], value.at, value.at + value.length, sign, names)


def _token_at(text: str, caret: int) -> Token | None:
    """The token that ends at, or reaches over, the caret; an open quote may be closed for it."""
    try:
        tokens = list(read_tokens(text[:caret]))
    except QueryTextError:
        tokens = list(read_tokens(text[:caret] + '"'))
    return tokens[-1] if tokens and tokens[-1].end >= caret else None


def _fields(typed: str, at: int, end: int, sign: str, names: Names) -> list[Completion]:
    known = [
        (name, FIELDS[name].hint if name in FIELDS else "indexed payload path")
        for name in field_names(names.paths)
        if not sign or (name in FIELDS and FIELDS[name].without)
    ]
    hints = dict(known)
    return [
        Completion(f"{sign}{name}:", at, end - at, "field", hints[name])
        for name in _ranked(typed, hints)
    ]


def _values(token: Token, text: str, caret: int, names: Names) -> list[Completion]:
    field = find_field(token.name, names.paths)
    if field is None:
        return []
    value = token.values[-1]
    length = min(value.length, caret - value.at)
    return [
        Completion(
            _colon(quote(one, many=field.many), field.parameter), value.at, length, "value", one
        )
        for one in _ranked(value.text, _proposed(field.parameter, names))
    ]


def _colon(text: str, parameter: str) -> str:
    return f"{text}:" if parameter == "entity" else text


def _proposed(parameter: str, names: Names) -> Iterable[str]:
    return {
        "type": names.types,
        "source": names.sources,
        "topic": names.topics,
        "consumer": names.consumers,
        "outcome": list(OUTCOMES),
        "entity": names.kinds,
        "duration": _DURATIONS,
        "since": _AGES,
        "until": _AGES,
        "range": [*_AGES, "all"],
        "order": ["newest", "oldest"],
        "system": ["show", "hide"],
    }.get(parameter, [])


def _ranked(typed: str, names: Iterable[str]) -> list[str]:
    """Names that begin with what was typed, then those that hold it; as they come within each."""
    lower = typed.lower().rstrip("*")
    begins = [name for name in names if name.lower().startswith(lower)]
    holds = [name for name in names if lower in name.lower() and name not in set(begins)]
    return [name for name in (*begins, *holds) if name != typed][:MOST]
