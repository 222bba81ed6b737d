"""The chart of an alert's metric around its time, from what is stored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from dashboard.alerts.drawing import draw_replay
from dashboard.alerts.history import STEP_S, read_history
from dashboard.alerts.models import Episode
from dashboard.alerts.replaying import Span
from dashboard.alerts.rule import Rule
from dashboard.measures import MEASURES
from ingest.queries.metrics import MetricsError

__all__ = ["draw_around"]

HOUR_MS = 3_600_000
AFTER_MS = 600_000
LEAST_STEPS = 3
LONGEST_MS = 7 * 24 * HOUR_MS
STEP_MS = STEP_S * 1000


def draw_around(episode: Episode, rule: Rule, *, now_ms: int) -> dict[str, Any] | None:
    """From an hour before it began to ten minutes after its end, a week at most; its own member alone.

    None where its past is no longer kept, or where there is hardly any.
    """
    if rule.metric not in MEASURES:
        return None
    since_ms = episode.started_ms - HOUR_MS
    ended_ms = episode.resolved_ms or now_ms
    until_ms = min(now_ms, ended_ms + AFTER_MS, since_ms + LONGEST_MS)
    until_ms = until_ms // STEP_MS * STEP_MS
    own = replace(rule, members=(episode.subject,))
    try:
        history = read_history(
            own, seconds=-(-(until_ms - since_ms) // STEP_MS) * STEP_S, now_ms=until_ms
        )
    except MetricsError:
        return None
    if not history.subjects or sum(history.known) < LEAST_STEPS:
        return None
    begin = episode.fired_ms or episode.started_ms
    span = Span(episode.subject, begin, ended_ms, episode.peak, not episode.is_open())
    return draw_replay(own, history, [span])
