"""The query bar's language, both ways: text to the list's URL parameters, and back. Pure.

    type:ORDER_* -source:legacy payload.customerId:CUST_456 outcome:failed,retried since:1h "no stock"

It is only another notation of the parameters that the URL and the API have (docs/api.md).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from dashboard.explore.completing import Completion, complete
from dashboard.explore.errors import FilterError
from dashboard.explore.fields import FIELDS, Field, field_names, find_field, nearest
from dashboard.explore.filters import parse_event_query
from dashboard.explore.tokens import (
    QueryTextError,
    Token,
    Value,
    in_quotes,
    looks_like_regex,
    quote,
    read_tokens,
)

__all__ = [
    "TEXT",
    "Completion",
    "QueryTextError",
    "complete",
    "format_query_text",
    "parse_query_text",
]

TEXT = "q"
"""The parameter that free words become."""
_OPERATORS = ("!=", "=~", "!~", ">=", "<=", "=", "~", ">", "<")


class _Said(NamedTuple):
    """One pair and where it stands in the text."""

    name: str
    value: str
    at: int
    length: int


def parse_query_text(
    text: str, *, now_ms: int, indexed: Collection[str] = ()
) -> list[tuple[str, str]]:
    """The parameters of the list that ``text`` asks for, in its order; one pair a value.

    ``indexed`` are the payload paths of `[index]`. Raises `QueryTextError` with the place.
    """
    said: list[_Said] = []
    for token in read_tokens(text):
        pairs = list(_pairs(token, indexed))
        for one in pairs:
            _check([one], now_ms, indexed)
        said += pairs
    _check(said, now_ms, indexed)
    return [(one.name, one.value) for one in said]


def format_query_text(pairs: Iterable[tuple[str, str]], *, indexed: Collection[str] = ()) -> str:
    """The text that `parse_query_text` reads as ``pairs``; pairs that are no filters are left out."""
    words = {field.parameter: name for name, field in FIELDS.items()}
    parts = []
    for name, value in pairs:
        if name == TEXT:
            parts.append(value if value.isalnum() else in_quotes(value))
        elif name in indexed:
            parts.append(f"{name}:{quote(value)}")
        elif name in words:
            parts += _written(words[name], FIELDS[words[name]], value)
    return " ".join(parts)


def _pairs(token: Token, indexed: Collection[str]) -> Iterator[_Said]:
    if not token.name:
        value = token.values[0]
        _refuse_operator(value, indexed)
        _refuse_regex(value)
        yield _Said(TEXT, value.text, value.at, value.length)
        return
    field = find_field(token.name, indexed)
    if field is None:
        raise _unknown(token, indexed)
    if token.without and not field.without:
        raise QueryTextError(f"{token.name} cannot be left out", token.at, 1)
    for value in token.values if field.many else [_joined(token)]:
        yield _said(token, field, value)


def _said(token: Token, field: Field, value: Value) -> _Said:
    if not value.text.strip():
        raise QueryTextError(
            f"{token.name} needs a value", token.at, max(1, value.at + value.length - token.at)
        )
    _refuse_regex(value)
    if field.many and "," in value.text:
        raise QueryTextError(
            "a name with a comma cannot be asked for; write ? in its place", value.at, value.length
        )
    sign = "!" if token.without and not value.text.startswith("!") else ""
    return _Said(field.parameter, sign + value.text.strip(), value.at, value.length)


def _joined(token: Token) -> Value:
    """The value of a field that takes one: commas in it are plain text."""
    first, last = token.values[0], token.values[-1]
    text = ",".join(value.text for value in token.values)
    quoted = any(value.quoted for value in token.values)
    return Value(text, first.at, last.at + last.length - first.at, quoted)


def _written(name: str, field: Field, value: str) -> list[str]:
    if not field.many:
        return [f"{name}:{quote(value)}"]
    values = [part.strip() for part in value.split(",") if part.strip()]
    return [
        f"-{name}:{quote(one[1:], many=True)}"
        if len(one) > 1 and one.startswith("!")
        else f"{name}:{quote(one, many=True)}"
        for one in values
    ]


def _check(said: list[_Said], now_ms: int, indexed: Collection[str]) -> None:
    """Read the pairs as the list will, so that what it would refuse is refused at its place."""
    parameters: dict[str, list[str]] = {}
    for one in said:
        parameters.setdefault(one.name, []).append(one.value)
    try:
        parse_event_query(parameters, now_ms=now_ms, indexed=indexed)
    except QueryTextError:
        raise
    except FilterError as error:
        guilty = [one for one in said if one.name == error.place] or said
        raise QueryTextError(error.reason, guilty[-1].at, guilty[-1].length) from error


def _unknown(token: Token, indexed: Collection[str]) -> QueryTextError:
    near = nearest(token.name, field_names(indexed))
    meant = f"; did you mean {near}?" if near else "; for text with a colon write it in quotes"
    return QueryTextError(
        f"there is no field {token.name[:60]}{meant}", token.at + token.without, len(token.name)
    )


def _refuse_operator(value: Value, indexed: Collection[str]) -> None:
    if value.quoted:
        return
    for sign in _OPERATORS:
        name, found, rest = value.text.partition(sign)
        if found and find_field(name, indexed):
            kept = sign if name == "duration" and sign == ">" else ""
            raise QueryTextError(
                f"write {name}:{kept}{rest[:40] or '…'}, with a colon",
                value.at + len(name),
                len(sign),
            )


def _refuse_regex(value: Value) -> None:
    if not value.quoted and looks_like_regex(value.text):
        raise QueryTextError(
            "regular expressions are not understood; * is any text, ? one character, "
            "and quotes make it plain text",
            value.at,
            value.length,
        )
