"""Episodes against a plain model: values, people, silences, in any order, and a kill at any write.

A kill is an error at the n-th INSERT, UPDATE or DELETE of a round or of an act; what is then done again,
as the next round or the person's second click does it, must leave what one undisturbed doing leaves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from dashboard.accounts.models import AuditEntry
from dashboard.alerts import acting
from dashboard.alerts.evaluate import Observation, evaluate
from dashboard.alerts.models import Episode, EpisodeEntry, Silence
from dashboard.alerts.reopening import REST_MS, calm_down
from dashboard.alerts.rounds import apply_intents, open_standings
from dashboard.alerts.rules import Rule
from dashboard.alerts.silences import Wanted, add_silence, end_silence
from dashboard.alerts.suppressing import renew_suppressions
from tests.dashboard.care import NOW_MS

RULE = Rule(
    "errors", "Errors", "error_rate", above=0.1, clear=0.08, unit="share", severity="critical",
    explanation="", for_s=0, clear_s=0,
)  # fmt: skip
SUBJECTS = ("payment", "inventory")
PEOPLE = ("anna", "ben")
WINDOW_MS, HOUR_MS = 600_000, 3_600_000
WRITES = ("INSERT", "UPDATE", "DELETE")
LOW, MIDDLE, HIGH = 0.0, 0.09, 0.5


class Killed(Exception):
    """The process died here."""


@contextlib.contextmanager
def killed_at(write: int) -> Iterator[None]:
    """The ``write``-th write of the block is not done, nor anything after it; 0 lets all be done.

    Transactions are real ones here: what was committed before stays, the open one is rolled back.
    """
    seen = 0

    def count(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        nonlocal seen
        seen += sql.lstrip().upper().startswith(WRITES)
        if write and seen >= write:
            raise Killed
        return execute(sql, *rest)

    with connection.execute_wrapper(count), contextlib.suppress(Killed):
        yield


@dataclass
class Plain:
    """An episode as one would tell it in words."""

    state: str
    acknowledged: str = ""
    resolved_by: str = ""
    resolved_at: int | None = None
    returns: list[int] = field(default_factory=list)
    flapping: bool = False

    @property
    def is_open(self) -> bool:
        return self.state != "resolved"


class Episodes(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        Episode.objects.all().delete()
        Silence.objects.all().delete()
        self.now = NOW_MS
        self.plain: dict[str, list[Plain]] = {subject: [] for subject in SUBJECTS}
        self.silences: dict[int, tuple[str, int]] = {}
        self.ever: set[int] = set()
        self.acts = 0

    @initialize()
    def audited_before(self) -> None:
        self.before = AuditEntry.objects.count()

    @rule(
        step=st.sampled_from((2_000, 100_000, WINDOW_MS + 1, HOUR_MS)),
        values=st.tuples(*[st.sampled_from((None, LOW, MIDDLE, HIGH))] * len(SUBJECTS)),
        kill=st.integers(0, 8),
    )
    def a_round(self, step: int, values: tuple[float | None, ...], kill: int) -> None:
        self.now += step
        seen = dict(zip(SUBJECTS, values, strict=True))
        with killed_at(kill):
            self._round(seen)
        self._round(seen)
        for subject, value in seen.items():
            self._told(subject, value)

    @rule(subject=st.sampled_from(SUBJECTS), by=st.sampled_from(PEOPLE), kill=st.integers(0, 6))
    def somebody_acknowledges(self, subject: str, by: str, kill: int) -> None:
        self._act(acting.acknowledge, subject, by, kill)
        last = self._last(subject)
        if last and last.state == "firing":
            last.state, last.acknowledged = "acknowledged", by
            self.acts += 1

    @rule(subject=st.sampled_from(SUBJECTS), by=st.sampled_from(PEOPLE), kill=st.integers(0, 6))
    def somebody_takes_back(self, subject: str, by: str, kill: int) -> None:
        self._act(acting.take_back, subject, by, kill)
        last = self._last(subject)
        if last and last.state == "acknowledged":
            last.state, last.acknowledged = "firing", ""
            self.acts += 1

    @rule(subject=st.sampled_from(SUBJECTS), by=st.sampled_from(PEOPLE), kill=st.integers(0, 6))
    def somebody_resolves(self, subject: str, by: str, kill: int) -> None:
        self._act(acting.resolve, subject, by, kill)
        last = self._last(subject)
        if last and last.is_open:
            last.state, last.resolved_by, last.resolved_at = "resolved", by, self.now
            self.acts += 1

    @rule(subject=st.sampled_from(SUBJECTS), minutes=st.integers(1, 90), kill=st.integers(0, 9))
    def somebody_silences(self, subject: str, minutes: int, kill: int) -> None:
        """Who is not told that it was made looks, and makes it if it is not there."""
        ends = self.now + minutes * 60_000
        wanted = Wanted(matchers=[f"subject = {subject}"], ends_ms=ends, comment="quiet")
        with killed_at(kill):
            add_silence(wanted, by="anna", now_ms=self.now)
        made = Silence.objects.exclude(pk__in=self.ever).first()
        made = made or add_silence(wanted, by="anna", now_ms=self.now)
        renew_suppressions(now_ms=self.now)
        self.silences[made.pk] = (subject, ends)
        self.ever.add(made.pk)
        self.acts += 1

    @precondition(lambda self: self.silences)
    @rule(data=st.data(), kill=st.integers(0, 9))
    def somebody_ends_a_silence(self, data: st.DataObject, kill: int) -> None:
        silence = data.draw(st.sampled_from(sorted(self.silences)))
        self.acts += self.silences[silence][1] > self.now
        with killed_at(kill):
            end_silence(silence, by="ben", now_ms=self.now)
        end_silence(silence, by="ben", now_ms=self.now)
        del self.silences[silence]

    @invariant()
    def each_is_as_told(self) -> None:
        for subject in SUBJECTS:
            rows = list(Episode.objects.filter(subject=subject).order_by("pk"))
            found = [
                (one.state, one.acknowledged_by, one.resolved_by, one.reopened, one.flapping)
                for one in rows
            ]
            assert found == [
                (one.state, one.acknowledged, one.resolved_by, len(one.returns), one.flapping)
                for one in self.plain[subject]
            ]
            assert [bool(one.suppressed_by) for one in rows] == [
                one.is_open and self._is_hushed(subject) for one in self.plain[subject]
            ]
            assert sum(one.is_open() for one in rows) <= 1

    @invariant()
    def timelines_tell_the_same(self) -> None:
        for episode in Episode.objects.all():
            kinds = list(episode.entries.order_by("pk").values_list("kind", flat=True))
            assert kinds.count("reopened") == episode.reopened
            ends = kinds.count("resolved")
            assert ends == episode.reopened + (not episode.is_open())
            hushes = kinds.count("suppressed") - kinds.count("unsuppressed")
            if episode.is_open():
                assert hushes >= bool(episode.suppressed_by)
        assert not EpisodeEntry.objects.exclude(episode__in=Episode.objects.all()).exists()

    @invariant()
    def every_act_is_audited_once(self) -> None:
        assert AuditEntry.objects.count() - getattr(self, "before", 0) == self.acts

    def _round(self, seen: dict[str, float | None]) -> None:
        observed = [Observation("error_rate", subject, value) for subject, value in seen.items()]
        intents = evaluate([RULE], observed, open_standings(), self.now)
        apply_intents(intents, [RULE], self.now)
        calm_down(self.now)
        renew_suppressions(now_ms=self.now)

    def _act(self, act: Callable[..., Any], subject: str, by: str, kill: int) -> None:
        id = Episode.objects.filter(subject=subject).order_by("-pk").values_list("pk", flat=True)
        ids = list(id[:1])
        with killed_at(kill):
            act(ids, by=by, now_ms=self.now)
        act(ids, by=by, now_ms=self.now)

    def _told(self, subject: str, value: float | None) -> None:
        last = self._last(subject)
        if last is not None and last.is_open:
            if value == LOW:
                last.state, last.resolved_at = "resolved", self.now
        elif value == HIGH:
            self._fires(subject, last)
        for one in self.plain[subject]:
            calm = one.returns and one.returns[-1] <= self.now - HOUR_MS
            if one.is_open and calm:
                one.flapping = False

    def _fires(self, subject: str, last: Plain | None) -> None:
        ended = last.resolved_at if last is not None else None
        if last is None or ended is None:
            self.plain[subject].append(Plain("firing"))
        elif last.resolved_by and ended > self.now - REST_MS:
            return
        elif ended >= self.now - WINDOW_MS:
            last.returns.append(self.now)
            last.state, last.acknowledged, last.resolved_by = "firing", "", ""
            last.resolved_at = None
            last.flapping = sum(at > self.now - HOUR_MS for at in last.returns) >= 3
        else:
            self.plain[subject].append(Plain("firing"))

    def _last(self, subject: str) -> Plain | None:
        return self.plain[subject][-1] if self.plain[subject] else None

    def _is_hushed(self, subject: str) -> bool:
        return any(of == subject and ends > self.now for of, ends in self.silences.values())


@pytest.mark.django_db(databases=["default", "events"], transaction=True)
def test_episodes_are_what_a_plain_model_tells_whatever_happens_and_whenever_we_die() -> None:
    run_state_machine_as_test(
        Episodes,
        settings=hypothesis_settings(
            max_examples=80, stateful_step_count=10, deadline=None, phases=[Phase.generate]
        ),
    )
