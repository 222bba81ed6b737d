"""What an alert's labels must be like: ``severity = critical``, ``service != pay*``, ``topic =~ orders|payments``.

Pure, and used by routes and silences alike. A value with ``*`` or ``?`` is a glob. A label that is not
there is the empty text. Expressions are held to what cannot take long: see `_check_expression`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Literal, get_args

from eventscope.errors import EventscopeError

__all__ = ["LONGEST_VALUE", "Matcher", "MatcherError", "all_match", "read_matcher"]

Operator = Literal["=", "!=", "=~", "!~"]
LONGEST_VALUE = 200
LONGEST_MATCHED = 300
MOST_CHOICES = 3
_SENTENCE = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.]{0,99})\s*(=~|!~|!=|=)\s*(.*?)\s*", re.DOTALL)
_GROUP_WITH_MEANING = re.compile(r"\(\?(?!:)")
_REPEATED_GROUP = re.compile(r"\)[*+?{]")
_CHOICE = re.compile(r"\((?:\?:)?|[*+?{]")
_BACK_REFERENCE = re.compile(r"\\[1-9]")
_ESCAPED = re.compile(r"\\[^1-9]")
_CLASS = re.compile(r"\[\^?\]?[^\]]*\]")


class MatcherError(EventscopeError, ValueError):
    """The sentence is no matcher; the message says why."""


@dataclass(frozen=True)
class Matcher:
    """One condition on one label. Make them with `read_matcher`, which checks."""

    label: str
    operator: Operator
    value: str

    def __str__(self) -> str:
        return f"{self.label} {self.operator} {self.value}".rstrip()

    def matches(self, labels: Mapping[str, str]) -> bool:
        found = self._pattern.fullmatch(labels.get(self.label, "")[:LONGEST_MATCHED])
        return (found is not None) == (self.operator in ("=", "=~"))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        if self.operator in ("=~", "!~"):
            return re.compile(self.value)
        is_glob = "*" in self.value or "?" in self.value
        return re.compile(translate(self.value) if is_glob else re.escape(self.value))


def read_matcher(text: str) -> Matcher:
    """A sentence as a matcher; quotes around the value may be left out. Raises `MatcherError`."""
    match = _SENTENCE.fullmatch(text)
    if match is None:
        operators = ", ".join(get_args(Operator))
        raise MatcherError(
            f"{text[:80]!r} is no matcher; write a label, one of {operators}, and a value, "
            "such as severity = critical"
        )
    label, operator, value = match.groups()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    if len(value) > LONGEST_VALUE:
        raise MatcherError(f"The value for {label} is longer than {LONGEST_VALUE} characters.")
    if operator in ("=~", "!~"):
        _check_expression(value)
    return Matcher(label, operator, value)


def all_match(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every one holds; none at all hold for anything."""
    return all(matcher.matches(labels) for matcher in matchers)


def _check_expression(value: str) -> None:
    """Alternatives of a few choices each (groups, repetitions): never more than a cubic number of steps."""
    if _BACK_REFERENCE.search(value):
        raise MatcherError(f"{value!r}: references back to a group are not taken here.")
    bare = _CLASS.sub("x", _ESCAPED.sub("x", value))
    if _GROUP_WITH_MEANING.search(bare):
        raise MatcherError(f"{value!r}: of groups only (…) and (?:…) are taken here.")
    if _REPEATED_GROUP.search(bare):
        raise MatcherError(f"{value!r}: a group may not be repeated here; it could take for ever.")
    if any(len(_CHOICE.findall(part)) > MOST_CHOICES for part in _alternatives(bare)):
        raise MatcherError(
            f"{value!r}: at most {MOST_CHOICES} groups and repetitions are taken here "
            "in each of the alternatives."
        )
    try:
        re.compile(value)
    except re.error as error:
        raise MatcherError(f"{value!r} is no regular expression: {error}.") from error


def _alternatives(bare: str) -> list[str]:
    """What stands between the ``|`` that are in no group."""
    parts, depth = [""], 0
    for character in bare:
        depth += (character == "(") - (character == ")")
        if character == "|" and depth <= 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts
