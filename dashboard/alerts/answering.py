"""Answers questions of rules from what was read once for all of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from dashboard.alerts.measuring import HANDLED, Scope, measure_handled, measure_published
from dashboard.alerts.readings import Observation, Readings, matches
from dashboard.alerts.rule import Question
from dashboard.alerts.tallies import Letters, measure_letters
from ingest.queries.sums import Sums

__all__ = ["MOST_MEMBERS", "Answers", "Facts"]

MOST_MEMBERS = 200
"""Members that one rule judges; the rest is counted, and told on the page of rules."""


@dataclass(frozen=True)
class Facts:
    """All that was read of now. None or nothing where no rule asks for it.

    ``window`` and ``minute`` are sums of the last minutes, ``known`` whether they are of now. ``listed``
    are the metrics whose members are what they are. ``copies`` are dead-letter topics.
    """

    window: Sums | None = None
    minute: Sums | None = None
    known: bool = False
    arrived: Sequence[Letters] = ()
    waiting: Sequence[Letters] = ()
    listed: Mapping[str, Sequence[Observation]] = field(default_factory=dict)
    copies: frozenset[str] = frozenset()


class Answers:
    """``kept`` are subjects with an open episode, by question: they are judged whatever else there is."""

    def __init__(self, facts: Facts, kept: Mapping[Question, Iterable[str]] | None = None) -> None:
        self._facts = facts
        self._kept = kept or {}
        self._whole: dict[tuple[str, str, Scope], Readings] = {}
        self._asked: dict[Question, Readings] = {}

    def readings(self, question: Question) -> Readings:
        """Its members, at most `MOST_MEMBERS` of them beside the kept ones."""
        found = self._asked.get(question)
        if found is None:
            found = self._asked[question] = self._answer(question)
        return found

    def questions(self) -> Mapping[Question, Readings]:
        """What was asked until now."""
        return self._asked

    def _answer(self, question: Question) -> Readings:
        """What narrows the members themselves is taken from one common answer."""
        own = tuple(globs for name, globs in question.scope if name == question.by)
        others = tuple(item for item in question.scope if item[0] != question.by)
        key = (question.metric, question.by, others)
        if key not in self._whole:
            self._whole[key] = self._measure(*key)
        found = self._whole[key]
        for globs in (*own, question.members):
            found = found.narrow(globs)
        return found.bounded(MOST_MEMBERS, self._kept.get(question, ()))

    def _measure(self, metric: str, by: str, scope: Scope) -> Readings:
        facts = self._facts
        if metric in HANDLED and facts.window is not None:
            return measure_handled(metric, by, scope, facts.window, known=facts.known)
        sums = facts.minute if metric == "throughput" else facts.window
        if metric in ("throughput", "clock_skew") and sums is not None:
            copies = facts.copies
            return measure_published(
                metric, by or "source", scope, sums, known=facts.known, copies=copies
            )
        if metric in ("dead_letters", "dead_letters_open"):
            rows = facts.arrived if metric == "dead_letters" else facts.waiting
            return measure_letters(metric, by, scope, rows, known=facts.known)
        return _scoped(metric, scope, facts.listed.get(metric, ()))


def _scoped(metric: str, scope: Scope, observations: Sequence[Observation]) -> Readings:
    """Those whose labels the globs match."""
    whole = Readings.of(metric, observations)
    if not scope:
        return whole
    told = [whole.tell(subject)[1] for subject in whole.subjects]
    chosen = [
        place
        for place, labels in enumerate(told)
        if all(matches(globs, labels.get(name, "")) for name, globs in scope)
    ]
    return whole.only(np.array(chosen, np.int64))
