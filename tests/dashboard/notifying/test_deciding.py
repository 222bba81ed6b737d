"""What is told when: tables of time → states → messages, played as monitor plays them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.notifying.deciding import STORM, Forget, Keep, Log, Receiver, Tell, decide
from dashboard.notifying.routing import Alert, Route, group_alerts, with_told
from dashboard.receiver_options import QuietOptions

BEGIN_MS = 1_800_000_000_000
"""Friday, 15 January 2027, 08:00 UTC."""
WAIT_S, INTERVAL_S, REPEAT_S = 30, 300, 14_400
F, A, H, R = "firing", "acknowledged", "hushed", "resolved"


def route(**given: object) -> Route:
    values: dict[str, object] = {
        "name": "all",
        "receiver": "ops",
        "matchers": (),
        "group_by": ("rule",),
        "wait_ms": WAIT_S * 1000,
        "interval_ms": INTERVAL_S * 1000,
        "repeat_ms": REPEAT_S * 1000,
        **given,
    }
    return Route(**values)  # type: ignore[arg-type]


@dataclass
class Play:
    """Rounds one after the other over logs that are kept as the outbox keeps them."""

    routes: Sequence[Route] = (route(),)
    receivers: Sequence[Receiver] = (Receiver("ops"),)
    digest_over: int = 10
    severity: str = "warning"
    rules: Mapping[int, str] = field(default_factory=dict)
    logs: dict[str, Log] = field(default_factory=dict)
    sent: list[tuple[int, str]] = field(default_factory=list)
    since: dict[int, int] = field(default_factory=dict)

    def at(self, second: float, **states: str) -> list[str]:
        """One round; ``a1="firing"`` is alert 1. The messages in short: ``ops firing +1 -2``."""
        return [self.short(tell) for tell in self.round(second, states)]

    def round(self, second: float, states: Mapping[str, str]) -> list[Tell]:
        now = BEGIN_MS + int(second * 1000)
        alerts = [self.alert(int(name[1:]), state, now) for name, state in states.items()]
        known = {alert.id: alert for alert in alerts}
        is_open = [alert for alert in alerts if alert.state != R]
        groups = with_told(group_alerts(self.routes, is_open), self.logs, self.routes, known)
        recent = [who for at, who in self.sent if now - at < INTERVAL_S * 1000]
        receivers = {
            receiver.name: replace(receiver, sent=recent.count(receiver.name))
            for receiver in self.receivers
        }
        intents = decide(groups, self.logs, receivers, now, digest_over=self.digest_over)
        for intent in intents:
            self.keep(intent)
        told = [intent for intent in intents if isinstance(intent, Tell)]
        self.sent += [(now, tell.receiver) for tell in told]
        return told

    def keep(self, intent: Keep | Forget | Tell) -> None:
        if isinstance(intent, Forget):
            self.logs.pop(intent.key)
            return
        for log in intent.logs if isinstance(intent, Tell) else (intent.log,):
            self.logs[log.key] = log
            if log.told_ms is not None and not log.told:
                del self.logs[log.key]

    def alert(self, id: int, state: str, now: int) -> Alert:
        labels = {"rule": self.rules.get(id, "error-rate"), "severity": self.severity}
        return Alert(id, state, self.severity, labels, self.since.setdefault(id, now))  # type: ignore[arg-type]

    @staticmethod
    def short(tell: Tell) -> str:
        parts = [tell.receiver, tell.reason]
        for sign, alerts in (("+", tell.firing), ("~", tell.acknowledged), ("-", tell.resolved)):
            if alerts:
                parts.append(sign + ",".join(str(alert.id) for alert in alerts))
        return " ".join(parts)


Row = tuple[float, Mapping[str, str], list[str]]

STORIES: dict[str, tuple[Play, list[Row]]] = {
    "told once the wait is over, then resolved": (
        Play(),
        [
            (0, {"a1": F}, []),
            (29, {"a1": F}, []),
            (30, {"a1": F}, ["ops firing +1"]),
            (40, {"a1": F}, []),
            (60, {"a1": R}, []),
            (329, {"a1": R}, []),
            (330, {"a1": R}, ["ops resolved -1"]),
            (900, {"a1": R}, []),
        ],
    ),
    "nothing is sent if it resolves within the wait": (
        Play(),
        [(0, {"a1": F}, []), (20, {"a1": R}, []), (31, {"a1": R}, []), (9000, {}, [])],
    ),
    "the wait begins anew when it comes back": (
        Play(),
        [(0, {"a1": F}, []), (20, {"a1": R}, []), (25, {"a1": F}, []), (54, {"a1": F}, []),
         (55, {"a1": F}, ["ops firing +1"])],
    ),
    "those that fire together are one message, a later one comes after the interval": (
        Play(),
        [
            (0, {"a1": F}, []),
            (20, {"a1": F, "a2": F}, []),
            (30, {"a1": F, "a2": F}, ["ops firing +1,2"]),
            (60, {"a1": F, "a2": F, "a3": F}, []),
            (330, {"a1": F, "a2": F, "a3": F}, ["ops more +1,2,3"]),
        ],
    ),
    "one is over and another goes on": (
        Play(),
        [
            (0, {"a1": F, "a2": F}, []),
            (30, {"a1": F, "a2": F}, ["ops firing +1,2"]),
            (330, {"a1": R, "a2": F}, ["ops resolved +2 -1"]),
            (700, {"a1": R, "a2": R}, ["ops resolved -2"]),
        ],
    ),
    "repeated every four hours while it fires": (
        Play(),
        [
            (0, {"a1": F}, []),
            (30, {"a1": F}, ["ops firing +1"]),
            (14_429, {"a1": F}, []),
            (14_430, {"a1": F}, ["ops repeated +1"]),
            (28_829, {"a1": F}, []),
            (28_830, {"a1": F}, ["ops repeated +1"]),
        ],
    ),
    "what somebody has is not repeated, but its end is told": (
        Play(),
        [
            (0, {"a1": F}, []),
            (30, {"a1": F}, ["ops firing +1"]),
            (60, {"a1": A}, []),
            (14_500, {"a1": A}, []),
            (15_000, {"a1": R}, ["ops resolved -1"]),
        ],
    ),
    "what somebody had before it was told is never told": (
        Play(),
        [(0, {"a1": F}, []), (10, {"a1": A}, []), (30, {"a1": A}, []), (400, {"a1": R}, [])],
    ),
    "taken back it is repeated again": (
        Play(),
        [
            (0, {"a1": F}, []),
            (30, {"a1": F}, ["ops firing +1"]),
            (60, {"a1": A}, []),
            (14_500, {"a1": A}, []),
            (14_510, {"a1": F}, ["ops repeated +1"]),
        ],
    ),
    "a silence swallows the alert and its repeats, not the end of what was told": (
        Play(),
        [
            (0, {"a1": F, "a2": H}, []),
            (30, {"a1": F, "a2": H}, ["ops firing +1"]),
            (60, {"a1": H, "a2": H}, []),
            (14_500, {"a1": H, "a2": H}, []),
            (14_600, {"a1": R, "a2": R}, ["ops resolved -1"]),
        ],
    ),
    "a snooze that ends is told as any other": (
        Play(),
        [(0, {"a1": H}, []), (600, {"a1": F}, []), (630, {"a1": F}, ["ops firing +1"])],
    ),
    "a receiver that wants no end is not told one, and is told when it fires again": (
        Play(receivers=(Receiver("ops", resolved=False),)),
        [
            (0, {"a1": F}, []),
            (30, {"a1": F}, ["ops firing +1"]),
            (400, {"a1": R}, []),
            (500, {"a1": F}, []),
            (530, {"a1": F}, ["ops firing +1"]),
        ],
    ),
    "one that was forgotten by the alerts is over": (
        Play(),
        [(0, {"a1": F}, []), (30, {"a1": F}, ["ops firing +1"]), (400, {}, ["ops resolved -1"])],
    ),
    "who keeps incidents is told when somebody has all, at once": (
        Play(receivers=(Receiver("ops", acknowledged=True),)),
        [
            (0, {"a1": F, "a2": F}, []),
            (30, {"a1": F, "a2": F}, ["ops firing +1,2"]),
            (40, {"a1": A, "a2": F}, []),
            (50, {"a1": A, "a2": A}, ["ops acknowledged ~1,2"]),
            (55, {"a1": A, "a2": A}, []),
            (360, {"a1": F, "a2": A}, ["ops more +1 ~2"]),
        ],
    ),
    "a pause of ours loses nothing": (
        Play(),
        [(0, {"a1": F}, []), (5000, {"a1": F, "a2": F}, ["ops firing +1,2"])],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_story(name: str) -> None:
    play, rows = STORIES[name]
    assert [(second, play.at(second, **states)) for second, states, _ in rows] == [
        (second, told) for second, _, told in rows
    ]


def test_nobody_acknowledges_so_the_next_one_is_told_and_both_hear_of_the_end() -> None:
    play = Play(
        routes=(route(escalate_ms=900_000, escalate_to="boss"),),
        receivers=(Receiver("ops"), Receiver("boss")),
    )
    assert play.at(0, a1=F, a2=F) == []
    assert play.at(30, a1=F, a2=F) == ["ops firing +1,2"]
    assert play.at(929, a1=F, a2=A) == []
    assert play.at(930, a1=F, a2=A) == ["boss escalated +1"]
    assert play.at(935, a1=F, a2=A) == []
    assert play.at(2000, a1=R, a2=R) == ["ops resolved -1,2", "boss resolved -1"]


def test_acknowledged_in_time_it_does_not_escalate() -> None:
    play = Play(
        routes=(route(escalate_ms=900_000, escalate_to="boss"),),
        receivers=(Receiver("ops"), Receiver("boss")),
    )
    play.at(30, a1=F)
    assert play.at(60, a1=F) == ["ops firing +1"]
    assert play.at(500, a1=A) == []
    assert play.at(5000, a1=A) == []


NIGHT = QuietOptions(from_="08:00", until="09:00")


def test_in_quiet_hours_only_the_critical_passes_and_the_rest_is_told_after() -> None:
    critical = Play(receivers=(Receiver("ops", quiet=NIGHT),), severity="critical")
    critical.at(0, a1=F)
    assert critical.at(30, a1=F) == ["ops firing +1"]

    play = Play(receivers=(Receiver("ops", quiet=NIGHT),))
    assert play.at(0, a1=F, a2=F) == []
    assert play.at(3599, a1=F, a2=R) == []
    assert play.at(3600, a1=F, a2=R) == []
    assert play.at(3630, a1=F, a2=R) == ["ops firing +1"]


def test_the_end_of_what_was_told_before_quiet_hours_is_told_after_them() -> None:
    quiet = QuietOptions(from_="08:10", until="09:00", critical=False)
    play = Play(receivers=(Receiver("ops", quiet=quiet),), severity="critical")
    play.at(0, a1=F)
    assert play.at(30, a1=F) == ["ops firing +1"]
    assert play.at(1200, a1=R) == []
    assert play.at(3600, a1=R) == ["ops resolved -1"]


def test_ten_thousand_alerts_make_one_message_and_their_end_another() -> None:
    play = Play(rules={id: f"rule-{id}" for id in range(10_000)})
    storm = {f"a{id}": F for id in range(10_000)}
    calm = dict.fromkeys(storm, R)
    assert play.round(0, storm) == []
    [tell] = play.round(30, storm)
    assert (tell.reason, tell.thread, len(tell.firing)) == (STORM, STORM, 10_000)
    assert play.round(200, calm) == []
    [tell] = play.round(330, calm)
    assert (tell.reason, tell.thread, len(tell.resolved)) == ("resolved", STORM, 10_000)
    assert play.logs == {}


def test_a_storm_that_comes_by_and_by_is_told_at_most_once_an_interval() -> None:
    play = Play(rules={id: f"rule-{id}" for id in range(250)})
    told: list[Tell] = []
    states: dict[str, str] = {}
    for second in range(0, 2000, 10):
        states |= {f"a{second // 10}": F}
        told += play.round(second, states)
    storms = [tell for tell in told if tell.reason == STORM]
    assert len(told) - len(storms) <= 10
    assert len(storms) <= 2000 // INTERVAL_S + 1
    assert len(storms[-1].firing) > 150


def test_when_a_storm_has_calmed_what_fires_is_told_by_itself_again() -> None:
    play = Play(rules={id: f"rule-{id}" for id in range(30)})
    storm = {f"a{id}": F for id in range(20)}
    play.round(0, storm)
    assert len(play.round(30, storm)) == 1
    assert play.at(1000, **storm, a21=F) == []
    assert play.at(1030, **storm, a21=F) == ["ops firing +21"]


def test_groups_that_a_storm_takes_over_close_their_own_threads() -> None:
    play = Play(rules={id: f"rule-{id}" for id in range(20)})
    play.at(0, a1=F)
    assert play.at(30, a1=F) == ["ops firing +1"]
    [own] = play.logs
    states = {f"a{id}": F for id in range(2, 20)} | {"a1": R}
    play.round(301, states)
    [tell] = play.round(331, states)
    assert (tell.reason, tell.closes) == (STORM, (own,))
    assert [alert.id for alert in tell.resolved] == [1]


def test_a_route_that_is_gone_tells_the_end_and_no_repeats() -> None:
    play = Play()
    play.at(0, a1=F)
    assert play.at(30, a1=F) == ["ops firing +1"]
    play.routes = (route(name="another", receiver="else"),)
    assert play.at(20_000, a1=F) == []
    assert play.at(20_400, a1=R) == ["ops resolved -1"]


def test_a_receiver_that_is_gone_is_forgotten() -> None:
    play = Play()
    play.at(30, a1=F)
    assert play.at(60, a1=F) == ["ops firing +1"]
    play.receivers = (Receiver("else"),)
    assert play.at(400, a1=F) == []
    assert play.logs == {}


states = st.dictionaries(st.sampled_from(["a1", "a2", "a3"]), st.sampled_from([F, A, H, R]))
rounds = st.lists(st.tuples(st.integers(1, 2000), states), max_size=30)


@given(rounds, st.booleans(), st.booleans())
def test_whatever_happens_what_was_told_ends_and_nothing_is_told_that_was_not(
    steps: list[tuple[int, dict[str, str]]], wants_acknowledged: bool, many: bool
) -> None:
    """Beside a plain count: an end is told only of what was told, and in the end of all of it."""
    receiver = Receiver("ops", acknowledged=wants_acknowledged)
    play = Play(
        receivers=(receiver,),
        digest_over=1 if many else 10,
        rules={1: "x", 2: "y", 3: "z"} if many else {},
    )
    open_at_receiver: set[int] = set()
    second = 0
    for step, given_states in [*steps, (5000, {}), (5000, {}), (5000, {})]:
        second += step
        for tell in play.round(second, given_states):
            firing = {alert.id for alert in tell.firing}
            over = {alert.id for alert in tell.resolved}
            assert firing <= {int(name[1:]) for name, state in given_states.items() if state == F}
            assert over <= open_at_receiver
            open_at_receiver = (open_at_receiver | firing) - over
    assert open_at_receiver == set()
    assert play.logs == {}
