"""Alerts as the pages show them: rows, groups, timelines, the little drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dashboard.alerts.models import Episode, EpisodeEntry
from dashboard.alerts.rules import Rule
from dashboard.alerts.wording import condition_of, format_value

__all__ = [
    "SNOOZES",
    "AlertRow",
    "Drawing",
    "Group",
    "Line",
    "RuleRow",
    "Snooze",
    "draw_values",
    "group_rows",
    "rule_rows",
]

Kind = EpisodeEntry.Kind
State = Episode.State
WIDTH, HEIGHT, ROOM = 720, 160, 10


@dataclass(frozen=True)
class Snooze:
    minutes: int
    label: str


SNOOZES = (
    Snooze(30, "30 minutes"),
    Snooze(120, "2 hours"),
    Snooze(480, "8 hours"),
    Snooze(1440, "a day"),
    Snooze(10080, "a week"),
)

HEADINGS = (
    (State.FIRING, "Firing", "Nobody has these yet."),
    (State.ACKNOWLEDGED, "Acknowledged", "Somebody has these."),
    (State.PENDING, "Pending", "True now, not yet for long enough to fire."),
    (Episode.SUPPRESSED, "Suppressed", "Firing, and hushed: nobody is told of these."),
)

WORDS = {
    Kind.PENDING: ("The condition holds", "hourglass", "warn"),
    Kind.FIRING: ("Fires", "alert-triangle", "bad"),
    Kind.RESOLVED: ("Resolved", "circle-check", "ok"),
    Kind.ACKNOWLEDGED: ("Acknowledged", "bell-check", "info"),
    Kind.UNACKNOWLEDGED: ("Acknowledgement taken back", "arrow-back-up", "warn"),
    Kind.SNOOZED: ("Snoozed", "clock-pause", "off"),
    Kind.UNSNOOZED: ("Snooze ended by hand", "bell", "off"),
    Kind.ASSIGNED: ("Assigned", "user", "info"),
    Kind.REOPENED: ("Came back, so it is the same episode", "refresh", "bad"),
    Kind.SUPPRESSED: ("Hushed", "bell-off", "off"),
    Kind.UNSUPPRESSED: ("No longer hushed", "bell", "off"),
    Kind.NOTIFIED: ("Notified", "send", "info"),
    Kind.NOTE: ("Note", "note", "info"),
    Kind.NO_DATA: ("Could not be measured; the state is kept", "help", "off"),
    Kind.DATA: ("Measured again", "activity", "off"),
}


@dataclass(frozen=True)
class Line:
    """One line of the timeline."""

    at_ms: int
    words: str
    icon: str
    tone: str
    value: str
    by: str
    note: str


@dataclass(frozen=True)
class AlertRow:
    """One alert with its numbers in words."""

    episode: Episode
    rule: Rule | None
    title: str
    value: str
    peak: str
    threshold: str
    age_ms: int
    snoozed: bool
    held_ms: int | None = None
    note: str = ""

    @classmethod
    def of(
        cls,
        episode: Episode,
        rules: Mapping[str, Rule],
        now_ms: int,
        told: Iterable[EpisodeEntry] = (),
    ) -> AlertRow:
        """``told`` is what people wrote, oldest first: the newest note is shown."""
        rule = rules.get(episode.rule) if episode.origin == Episode.Origin.EVENTSCOPE else None
        unit = rule.unit if rule else ""
        return cls(
            episode=episode,
            rule=rule,
            title=rule.title if rule else episode.rule,
            value=format_value(episode.value, unit),
            peak=format_value(episode.peak, unit),
            threshold=_limit(episode, unit),
            age_ms=max(0, (episode.resolved_ms or now_ms) - episode.started_ms),
            snoozed=episode.is_snoozed(now_ms),
            held_ms=_since(episode.acknowledged_ms, now_ms),
            note=next((entry.note for entry in reversed(list(told)) if entry.note), ""),
        )

    def timeline(self, entries: Iterable[EpisodeEntry]) -> list[Line]:
        """What happened; the values between are for the drawing."""
        unit = self.rule.unit if self.rule else ""
        return [_line(entry, unit) for entry in entries if entry.kind != Kind.VALUE]


@dataclass(frozen=True)
class Group:
    """Open alerts of one state."""

    state: str
    heading: str
    lead: str
    rows: list[AlertRow]


@dataclass(frozen=True)
class RuleRow:
    """A rule, its numbers in words, and how many alerts it has open."""

    rule: Rule
    threshold: str
    hold: int
    open: int
    tone: str


@dataclass(frozen=True)
class Drawing:
    """Values over time as an SVG of ``width`` × ``height``; labels are beside it, in words."""

    width: int
    height: int
    points: str
    threshold_y: float
    first_ms: int
    last_ms: int
    top: str
    threshold: str


def group_rows(rows: Sequence[AlertRow]) -> list[Group]:
    """By state, in the order in which they want attention; an empty group is left out."""
    found = []
    for state, heading, lead in HEADINGS:
        of_state = [row for row in rows if row.episode.shown_state() == state]
        if of_state:
            found.append(Group(str(state), heading, lead, of_state))
    return found


def rule_rows(rules: Iterable[Rule], rows: Sequence[AlertRow]) -> list[RuleRow]:
    """What is watched, and how it stands."""
    return [
        _rule_row(rule, [row for row in rows if row.episode.rule == rule.name]) for rule in rules
    ]


def _rule_row(rule: Rule, rows: Sequence[AlertRow]) -> RuleRow:
    firing = any(row.episode.state == State.FIRING for row in rows)
    tone = "bad" if firing else "warn" if rows else "ok"
    return RuleRow(rule, condition_of(rule), round(rule.for_s), len(rows), tone)


def draw_values(
    episode: Episode, entries: Sequence[EpisodeEntry], *, unit: str, now_ms: int
) -> Drawing | None:
    """The values of the timeline, oldest first; None where a line would say nothing."""
    points = [(entry.at_ms, entry.value) for entry in reversed(entries) if entry.value is not None]
    if episode.is_open() and episode.value is not None and not episode.no_data:
        points.append((now_ms, episode.value))
    if len(points) < 3 or episode.threshold is None:
        return None
    first, last = points[0][0], max(points[-1][0], points[0][0] + 1)
    top = max([value for _, value in points] + [episode.threshold]) or 1.0

    def y(value: float) -> float:
        return round(HEIGHT - ROOM - (HEIGHT - 2 * ROOM) * value / top, 1)

    drawn = " ".join(
        f"{round(WIDTH * (at - first) / (last - first), 1)},{y(value)}" for at, value in points
    )
    top_words, threshold = format_value(top, unit), format_value(episode.threshold, unit)
    return Drawing(WIDTH, HEIGHT, drawn, y(episode.threshold), first, last, top_words, threshold)


def _since(at_ms: int | None, now_ms: int) -> int | None:
    return None if at_ms is None else max(0, now_ms - at_ms)


def _limit(episode: Episode, unit: str) -> str:
    """The limit in words; empty where a number says nothing or there is none."""
    if unit == "state" or episode.threshold is None:
        return ""
    return format_value(episode.threshold, unit)


def _line(entry: EpisodeEntry, unit: str) -> Line:
    words, icon, tone = WORDS.get(Kind(entry.kind), (entry.kind, "circle-dot", "off"))
    value = "" if entry.value is None else format_value(entry.value, unit)
    return Line(entry.at_ms, words, icon, tone, value, entry.by, entry.note)
