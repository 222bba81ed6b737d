"""The past of a metric from the samples that monitor keeps, as a rule would have judged it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from dashboard.alerts.models import ReadingSample
from dashboard.alerts.readings import F64, matches
from dashboard.alerts.replaying import History
from dashboard.alerts.rule import Question, Rule
from dashboard.alerts.sampling import LETTERS, Sampled, unpack
from dashboard.alerts.tallies import Letters, member_of

__all__ = ["history_of", "read_samples"]

Member = Callable[[Sampled], str | None]
"""The name that a rule knows it by; None if the rule is not for it."""


def read_samples(rule: Rule, *, since_ms: int, until_ms: int, step_s: int) -> History:
    """Steps of ``step_s`` from ``since_ms`` to ``until_ms``; one in which nothing was sampled is unknown."""
    rows = ReadingSample.objects.filter(
        metric=rule.metric, at_ms__gte=since_ms, at_ms__lt=until_ms
    ).order_by("at_ms")
    samples = (
        (at_ms, unpack(bytes(data))) for at_ms, data in rows.values_list("at_ms", "data").iterator()
    )
    times = range(since_ms, until_ms, step_s * 1000)
    return history_of(rule, samples, times_ms=times, step_ms=step_s * 1000)


def history_of(
    rule: Rule,
    samples: Iterable[tuple[int, Sequence[Sampled]]],
    *,
    times_ms: Sequence[int],
    step_ms: int,
) -> History:
    """Samples (moment, members) as steps. Pure.

    A rule that waits for less than a step is told the worst sample of each, one that waits longer the
    best: what held throughout. A member that is not among the sampled is 0 if it is counted, else unknown.
    """
    wanted = _member_of(rule.question)
    known = np.zeros(len(times_ms), np.bool_)
    lines: dict[str, F64] = {}
    seen = np.zeros(len(times_ms), np.int64)
    counts: dict[str, np.ndarray] = {}
    pick = _pick(rule, step_ms)
    for at_ms, members in samples:
        step = (at_ms - times_ms[0]) // step_ms
        if not 0 <= step < len(times_ms):
            continue
        known[step] = True
        seen[step] += 1
        for name, value in _values(members, wanted).items():
            line = lines.setdefault(name, np.full(len(times_ms), np.nan))
            told = counts.setdefault(name, np.zeros(len(times_ms), np.int64))
            line[step] = pick(line[step], value)
            told[step] += value == value
    for name, line in lines.items():
        _fill(rule, line, counts[name], seen, pick)
    values = np.array(list(lines.values())).T if lines else np.zeros((len(times_ms), 0))
    endless = np.full(values.shape, np.inf)
    return History(
        rule.metric, list(times_ms), step_ms, tuple(lines), values, endless, known.tolist()
    )


def _values(members: Iterable[Sampled], wanted: Member) -> dict[str, float]:
    """By name, those of one name added up."""
    found: dict[str, float] = {}
    for one in members:
        name = wanted(one)
        if name is not None:
            value = np.nan if one.value is None else one.value
            found[name] = found.get(name, 0.0) + value
    return found


def _pick(rule: Rule, step_ms: int) -> Callable[[float, float], float]:
    """Of two values of a step the one that counts; one that is known before one that is not."""
    short = rule.for_s * 1000 < step_ms
    largest = short == (rule.below is None)
    return np.fmax if largest else np.fmin


def _fill(
    rule: Rule, line: F64, told: np.ndarray, seen: np.ndarray, pick: Callable[[float, float], float]
) -> None:
    """What is counted and was not among the sampled was nothing then."""
    if rule.metric in COUNTED:
        missing = told < seen
        line[missing] = pick(line[missing], 0.0)


COUNTED = frozenset({LETTERS, "stuck_flows", "schema_changes"})


def _member_of(question: Question) -> Member:
    def of_letters(one: Sampled) -> str | None:
        row = Letters(one.labels["type"], "", one.labels["consumer"], one.labels["topic"], 0)
        if all(matches(globs, getattr(row, name)) for name, globs in question.scope):
            return _narrowed(member_of(row, question.by)[0], question)
        return None

    def of_others(one: Sampled) -> str | None:
        fits = all(matches(globs, one.labels.get(name, "")) for name, globs in question.scope)
        return _narrowed(one.subject, question) if fits else None

    return of_letters if question.metric == LETTERS else of_others


def _narrowed(name: str, question: Question) -> str | None:
    return name if matches(question.members, name) else None
