"""Reads the past of a metric as a rule would have judged it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from django.db.models import Count, F, IntegerField
from django.db.models.functions import Cast

from dashboard.alerts.answering import MOST_MEMBERS
from dashboard.alerts.budgets import BURNS
from dashboard.alerts.burn_history import read_burns
from dashboard.alerts.measuring import KINDS, LEAST_FAILED, SKEW_QUANTILE
from dashboard.alerts.readings import F64, matches
from dashboard.alerts.replaying import History
from dashboard.alerts.rule import Question, Rule
from dashboard.alerts.sample_history import read_samples
from dashboard.alerts.sampling import SAMPLED
from dashboard.alerts.tallies import Letters, member_of
from dashboard.measures import ALL, QUANTILES
from ingest.models import BreakerTransition, DeadLetter
from ingest.queries.metrics import OTHER, OVERFLOW, read_metrics
from ingest.queries.table import MetricGroup, MetricTable

__all__ = ["SPANS", "STEP_S", "read_history"]

STEP_S = 300
SPANS = {"24h": 86_400, "7d": 7 * 86_400}
MOST_COUNTS = 200_000
MOST_CHANGES = 20_000
WHOLE = {"throughput": "all events", "dead_letters": "all dead letters"}
OPEN, HALF_OPEN = ("open", "forced_open"), "half_open"


def read_history(rule: Rule, *, seconds: int, now_ms: int) -> History:
    """The last ``seconds`` up to the last whole step; what was not observed is unknown."""
    step_ms = STEP_S * 1000
    until_ms = now_ms // step_ms * step_ms
    question, since_ms = rule.question, until_ms - seconds * 1000
    if question.metric in BURNS:
        burns = read_burns(
            question.metric, since_ms=since_ms, until_ms=until_ms, step_s=STEP_S, now_ms=now_ms
        )
        return _chosen(question, burns)
    if question.metric in SAMPLED:
        samples = read_samples(rule, since_ms=since_ms, until_ms=until_ms, step_s=STEP_S)
        return _chosen(question, samples)
    table = _table(question, since_ms, until_ms, now_ms)
    if question.metric == "dead_letters":
        return _chosen(question, _letters(question, table))
    if question.metric == "breaker":
        return _chosen(question, _breakers(table))
    groups = [group for group in table.groups if group.name not in (OTHER, OVERFLOW)]
    names = [group.name or WHOLE.get(question.metric, "all handlings") for group in groups]
    columns = [_columns(question.metric, group) for group in groups]
    return _chosen(question, _history(question.metric, table, names, columns))


def _table(question: Question, since_ms: int, until_ms: int, now_ms: int) -> MetricTable:
    summed = question.metric not in ("dead_letters", "breaker")
    scope = {f"{name}s": globs for name, globs in question.scope} if summed else {}
    return read_metrics(
        since_ms=since_ms,
        until_ms=until_ms,
        resolution=60,
        step=STEP_S,
        group_by=_grouping(question) if summed else "",
        max_groups=MOST_MEMBERS + 1,
        latencies=question.metric.partition("_")[0] in (*KINDS, "clock"),
        now_ms=now_ms,
        **scope,
    )


def _grouping(question: Question) -> str:
    if question.metric == "clock_skew":
        return "source"
    return "" if question.by == ALL else question.by


def _columns(metric: str, group: MetricGroup) -> tuple[F64, F64]:
    """Values and volumes as `dashboard.alerts.measuring` has them, step by step."""
    finished = group.processed.astype(np.float64)
    if metric == "throughput":
        return group.published / STEP_S, np.full(finished.size, np.inf)
    if metric == "clock_skew":
        late = [value or 0.0 for value in group.quantiles("publish_delay", SKEW_QUANTILE)]
        return np.array(late, np.float64), group.published.astype(np.float64)
    if metric == "retries":
        return group.retried.astype(np.float64), finished
    if metric == "error_rate":
        failed = (group.failed + group.dead_lettered).astype(np.float64)
        rate = np.divide(failed, finished, out=np.zeros(finished.size), where=finished > 0)
        return rate, np.where(failed >= LEAST_FAILED, finished, 0)
    kind, _, name = metric.partition("_")
    told = [value or 0.0 for value in group.quantiles(KINDS[kind], QUANTILES[name])]
    values = np.array(told, np.float64)
    return values, np.where(values > 0, finished, 0)


def _history(
    metric: str, table: MetricTable, names: Sequence[str], columns: Sequence[tuple[F64, F64]]
) -> History:
    shape = (len(table.times_ms), len(names))
    values, volumes = np.zeros(shape), np.zeros(shape)
    for place, (told, weight) in enumerate(columns):
        values[:, place], volumes[:, place] = told, weight
    values[~np.array(table.known, np.bool_)] = np.nan
    return History(
        metric, table.times_ms, table.step_ms, tuple(names), values, volumes, table.known,
        left_out=sum(1 for group in table.groups if group.name == OTHER),
    )  # fmt: skip


def _chosen(question: Question, history: History) -> History:
    """Those that the rule is for, at most `MOST_MEMBERS`."""
    own = [globs for name, globs in question.scope if name == question.by]
    wanted = [
        place
        for place, name in enumerate(history.subjects)
        if all(matches(globs, name) for globs in (*own, question.members))
    ]
    chosen = wanted[:MOST_MEMBERS]
    return History(
        history.metric,
        history.times_ms,
        history.step_ms,
        tuple(history.subjects[place] for place in chosen),
        history.values[:, chosen],
        history.volumes[:, chosen],
        history.known,
        history.left_out + len(wanted) - len(chosen),
    )


def _letters(question: Question, table: MetricTable) -> History:
    """Counted by step and name in the database."""
    step_ms, first = table.step_ms, table.times_ms[0]
    rows = (
        DeadLetter.objects.filter(received_ms__gte=first, received_ms__lt=first + _span(table))
        .annotate(step=Cast(F("received_ms") - first, IntegerField()) / step_ms)
        .values_list("step", "event_type", "source", "consumer", "topic")
        .annotate(count=Count("id"))
        .order_by()
    )
    counted: dict[str, F64] = {}
    for step, *named in rows[:MOST_COUNTS]:
        row = Letters(*named)
        if all(matches(globs, getattr(row, name)) for name, globs in question.scope):
            name, _ = member_of(row, question.by)
            line = counted.setdefault(name, np.zeros(len(table.times_ms)))
            line[int(step)] += row.count
    endless = np.full(len(table.times_ms), np.inf)
    return _history(
        "dead_letters", table, list(counted), [(line, endless) for line in counted.values()]
    )


def _breakers(table: MetricTable) -> History:
    """The worst state of any instance in each step; before its first change nothing is known of it."""
    first, span = table.times_ms[0], _span(table)
    rows = (
        BreakerTransition.objects.filter(at_ms__lt=first + span)
        .order_by("-at_ms", "-id")
        .values_list("breaker_id", "breaker__service", "breaker__name", "at_ms", "to_state")
    )
    lines: dict[int, tuple[str, F64]] = {}
    for id, service, name, at_ms, state in list(rows[:MOST_CHANGES])[::-1]:
        subject = f"{service} / {name}" if service else name
        _, line = lines.setdefault(id, (subject, np.full(len(table.times_ms), np.nan)))
        _change(line, (at_ms - first) // table.step_ms, state)
    joined: dict[str, F64] = {}
    for subject, line in lines.values():
        joined[subject] = np.fmax(joined.get(subject, np.full(line.size, np.nan)), line)
    endless = np.full(len(table.times_ms), np.inf)
    return _history("breaker", table, list(joined), [(line, endless) for line in joined.values()])


def _change(line: F64, step: int, state: str) -> None:
    """From that step on; in the step itself the worse of before and after."""
    value = 1.0 if state in OPEN else 0.5 if state == HALF_OPEN else 0.0
    if step >= 0:
        line[step] = np.fmax(line[step], value)
    line[max(0, step + 1) :] = value


def _span(table: MetricTable) -> int:
    return len(table.times_ms) * table.step_ms
