"""The query bar's text as tokens, each with its place. Pure.

``[-]field:value`` or free words; a value with spaces, commas or quotes stands in quotes, where ``\\``
makes the next character plain. Everything else within a value is plain text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from dashboard.explore.errors import FilterError

__all__ = [
    "MAX_QUERY",
    "QueryTextError",
    "Token",
    "Value",
    "in_quotes",
    "looks_like_regex",
    "quote",
    "read_tokens",
]

MAX_QUERY = 4096
_SIGNS = ("-", "!")


class QueryTextError(FilterError):
    """The query cannot be read: ``length`` characters from ``at`` on are not right."""

    def __init__(self, reason: str, at: int, length: int) -> None:
        super().__init__("query", f"{reason} (at character {at + 1})")
        self.reason = reason
        self.at = at
        self.length = length


class Value(NamedTuple):
    """``text`` is what is meant; it takes ``length`` characters from ``at`` on as written."""

    text: str
    at: int
    length: int
    quoted: bool = False


class Token(NamedTuple):
    """``name`` is "" for free words. ``end`` is where the token stops."""

    name: str
    without: bool
    values: list[Value]
    at: int
    end: int


def read_tokens(text: str) -> Iterator[Token]:
    """The tokens of ``text``. Raises `QueryTextError` for text that is too long or a quote left open."""
    if len(text) > MAX_QUERY:
        raise QueryTextError(
            f"longer than {MAX_QUERY} characters", MAX_QUERY, len(text) - MAX_QUERY
        )
    at = _skip(text, 0)
    while at < len(text):
        token = _read_token(text, at)
        yield token
        at = _skip(text, token.end)


def quote(value: str, *, many: bool = False) -> str:
    """``value`` as the bar must hold it so that it is read as it is."""
    special = '"' + ("," if many else "")
    plain = value and not any(sign.isspace() or sign in special for sign in value)
    return value if plain and not looks_like_regex(value) else in_quotes(value)


def in_quotes(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def looks_like_regex(value: str) -> bool:
    return len(value) > 1 and value[0] == value[-1] == "/"


def _read_token(text: str, start: int) -> Token:
    without = text[start] in _SIGNS and start + 1 < len(text) and not text[start + 1].isspace()
    at = start + without
    name = _name_at(text, at)
    if not name:
        value = _read_value(text, start, stops="")
        return Token("", False, [value], start, value.at + value.length)
    at += len(name) + 1
    values = [_read_value(text, at, stops=",")]
    end = at + values[0].length
    while end < len(text) and text[end] == ",":
        values.append(_read_value(text, end + 1, stops=","))
        end = values[-1].at + values[-1].length
    return Token(name, without, values, start, end)


def _name_at(text: str, at: int) -> str:
    """What stands before the first colon of the word at ``at``; "" if it has none."""
    for end in range(at, len(text)):
        if text[end] == ":":
            return text[at:end]
        if text[end].isspace() or text[end] in '",':
            return ""
    return ""


def _read_value(text: str, at: int, *, stops: str) -> Value:
    if text[at : at + 1] == '"':
        return _read_quoted(text, at)
    end = at
    while end < len(text) and not text[end].isspace() and text[end] not in stops:
        if text[end] == '"':
            raise QueryTextError(
                'an unbalanced quote; put the whole value in quotes, with \\" for a quote in it',
                end,
                1,
            )
        end += 1
    return Value(text[at:end], at, end - at)


def _read_quoted(text: str, at: int) -> Value:
    letters: list[str] = []
    end = at + 1
    while end < len(text) and text[end] != '"':
        end += text[end] == "\\" and end + 1 < len(text)
        letters.append(text[end])
        end += 1
    if end >= len(text):
        raise QueryTextError("an unbalanced quote; close it", at, len(text) - at)
    after = end + 1
    if after < len(text) and not text[after].isspace() and text[after] != ",":
        raise QueryTextError("a space must follow a closing quote", after, 1)
    return Value("".join(letters), at, after - at, quoted=True)


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at
