"""A rule of alerts as people write it: in ``[[alerts.rules]]``, on the page, through the API.

All three are this one structure, and `problems_of` is the one place that says what is wrong with it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from dashboard.measures import DIMENSIONS, MEASURES, Measure
from eventscope.durations import DurationError, format_duration, parse_duration
from eventscope.errors import EventscopeError
from ingest.sections import Duration, OptionsError, Section

__all__ = [
    "Limit",
    "LimitError",
    "Problem",
    "RuleOptions",
    "check_rules",
    "problems_of",
    "read_limit",
]

LONGEST_HOLD_S = 7 * 86_400
MOST_GLOBS = 50
LONGEST_GLOB = 200
TAKEN = ("new", "preview")
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

Limit = float | str
"""A number in the metric's unit (ms for times), or words: ``"250ms"``, ``"2%"``."""
Globs = tuple[str, ...]


class LimitError(EventscopeError, ValueError):
    """What is written is no limit of this metric; the message says what one looks like."""


class Problem(NamedTuple):
    """What is wrong, and with which field, named as in the file."""

    field: str
    message: str


class RuleOptions(Section, frozen=True):
    """One rule. It holds ``above`` or ``below`` a limit, fires after ``for``, and resolves when it was
    past ``clear`` for ``keep_firing_for``; one alert a member."""

    name: str
    metric: str
    title: str = ""
    above: Limit | None = None
    below: Limit | None = None
    clear: Limit | None = None
    for_: Duration = msgspec.field(default=Duration(60), name="for")
    keep_firing_for: Duration = Duration(60)
    minimum: Annotated[float, msgspec.Meta(ge=0)] = 0
    by: str = ""
    types: Globs = ()
    sources: Globs = ()
    consumers: Globs = ()
    topics: Globs = ()
    members: Globs = ()
    severity: Literal["critical", "warning"] = "warning"
    no_data: Literal["keep", "firing", "ok"] = "keep"
    runbook: str = ""
    owner: str = ""
    enabled: bool = True

    def scope(self) -> dict[str, Globs]:
        """Globs by dimension, those that are given."""
        told = {name: getattr(self, f"{name}s") for name in DIMENSIONS}
        return {name: globs for name, globs in told.items() if globs}


def read_limit(value: Limit, unit: str) -> float:
    """In the metric's unit. Raises `LimitError`."""
    number = _number(value, unit)
    if not math.isfinite(number):
        raise LimitError("Expected a finite number")
    if number < 0:
        raise LimitError("Expected 0 or more: no metric is negative")
    return number


def problems_of(rule: RuleOptions, *, longest_s: float) -> list[Problem]:
    """What is wrong with it, nothing if it is right. ``longest_s`` is how long metrics are kept."""
    found = list(_naming(rule))
    measure = MEASURES.get(rule.metric)
    if measure is None:
        known = ", ".join(MEASURES)
        found.append(
            Problem("metric", f"Unknown metric {rule.metric!r:.80}; expected one of {known}")
        )
    else:
        found += [*_limits(rule, measure), *_scoping(rule, measure)]
    return [*found, *_times(rule, longest_s), *_words(rule)]


def check_rules(rules: Sequence[RuleOptions], *, longest_s: float, file: str) -> None:
    """Refuse the first rule that is wrong, or has another's name. Raises `OptionsError`."""
    names: set[str] = set()
    for place, rule in enumerate(rules):
        found = problems_of(rule, longest_s=longest_s)
        if rule.name in names:
            found.append(
                Problem("name", f"Expected another name; {rule.name} stands above already")
            )
        names.add(rule.name)
        if found:
            field, message = found[0]
            raise OptionsError(f"{file}: alerts.rules[{place}].{field}: {message}")


def _naming(rule: RuleOptions) -> Iterator[Problem]:
    if rule.name in TAKEN:
        yield Problem("name", f"Expected another name; {rule.name!r} stands for a page")
    if not _NAME.fullmatch(rule.name):
        yield Problem("name", "Expected small letters, digits and hyphens, 63 at most")


def _limits(rule: RuleOptions, measure: Measure) -> Iterator[Problem]:
    if (rule.above is None) == (rule.below is None):
        yield Problem("above", "Expected above or below, one of them")
        return
    side = "below" if rule.above is None else "above"
    read: dict[str, float] = {}
    for field in (side, "clear"):
        value: Limit | None = getattr(rule, field)
        try:
            if value is not None:
                read[field] = read_limit(value, measure.unit)
        except LimitError as error:
            yield Problem(field, str(error))
    if len(read) < 2:
        return
    if side == "above" and read["clear"] > read[side]:
        yield Problem("clear", "Expected the limit or less: the rule holds above it")
    if side == "below" and read["clear"] < read[side]:
        yield Problem("clear", "Expected the limit or more: the rule holds below it")


def _scoping(rule: RuleOptions, measure: Measure) -> Iterator[Problem]:
    if rule.by and rule.by not in measure.by:
        expected = ", ".join(measure.by) or f"nothing: its members are each {measure.member}"
        yield Problem(
            "by", f"{measure.name} cannot be told apart by {rule.by!r:.60}; expected {expected}"
        )
    for name in rule.scope():
        if name not in measure.scope:
            known = ", ".join(f"{one}s" for one in measure.scope) or "members only"
            yield Problem(
                f"{name}s", f"{measure.name} knows no {name}; it can be narrowed by {known}"
            )
    for field in (*(f"{name}s" for name in DIMENSIONS), "members"):
        globs: Globs = getattr(rule, field)
        if len(globs) > MOST_GLOBS or any(not 0 < len(glob) <= LONGEST_GLOB for glob in globs):
            yield Problem(
                field,
                f"Expected at most {MOST_GLOBS} names or globs of 1 to {LONGEST_GLOB} characters",
            )
    if rule.minimum and not measure.volume:
        yield Problem("minimum", f"{measure.name} counts no volume; leave the minimum out")
    if not 0 <= rule.minimum < math.inf:
        yield Problem("minimum", "Expected a finite number, 0 or more")


def _times(rule: RuleOptions, longest_s: float) -> Iterator[Problem]:
    if not 0 <= rule.for_ <= longest_s:
        yield Problem(
            "for", f"Expected at most {format_duration(longest_s)}: metrics are not kept longer"
        )
    if not 0 <= rule.keep_firing_for <= LONGEST_HOLD_S:
        yield Problem("keep_firing_for", f"Expected at most {format_duration(LONGEST_HOLD_S)}")


def _words(rule: RuleOptions) -> Iterator[Problem]:
    for field, most in (("title", 200), ("owner", 200), ("runbook", 1000)):
        if len(getattr(rule, field)) > most:
            yield Problem(field, f"Expected at most {most} characters")
    if rule.runbook and not _is_link(rule.runbook):
        yield Problem("runbook", "Expected an address that begins with http:// or https://")


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and text.isprintable()


def _number(value: Limit, unit: str) -> float:
    if isinstance(value, str):
        return _from_words(value.strip(), unit)
    return float(value)


def _from_words(text: str, unit: str) -> float:
    """Percent for shares, durations for times, plain numbers for all."""
    try:
        if unit == "share" and text.endswith("%"):
            return float(text[:-1]) / 100
        if unit == "ms" and text[-1:].isalpha() and not _is_word(text):
            return parse_duration(text) * 1000
        return float(text)
    except (ValueError, DurationError) as error:
        shape = {"share": "'2%' or 0.02", "ms": "'250ms' or '5m'"}.get(unit, "a number")
        raise LimitError(f"Expected {shape}, got {text[:40]!r}") from error


def _is_word(text: str) -> bool:
    return text.lower().lstrip("+-") in ("nan", "inf", "infinity")
