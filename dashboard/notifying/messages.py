"""What a message says: pure, bounded whatever it is about, and the same at each try."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboard.notifying.deciding import STORM, Reason, Tell
from dashboard.notifying.routing import Alert

__all__ = [
    "MOST_FOR_PEOPLE",
    "MOST_FOR_PROGRAMS",
    "Facts",
    "content_of",
    "plain_content",
    "title_of",
]

MOST_FOR_PEOPLE = 20
MOST_FOR_PROGRAMS = 1000
MOST_LABELS = 30
MOST_COUNTED = 10
MOST_CLOSED = 500
LONGEST_TITLE = 200
LONGEST_TEXT = 500


@dataclass(frozen=True)
class Facts:
    """What is told of one alert besides its state."""

    rule: str
    subject: str
    summary: str
    url: str
    started_ms: int
    resolved_ms: int | None = None
    acknowledged_by: str = ""
    runbook: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


def content_of(
    tell: Tell,
    facts: Mapping[int, Facts],
    *,
    most: int = MOST_FOR_PEOPLE,
    url: str = "",
    acknowledge_url: str = "",
) -> dict[str, Any]:
    """All that a sender needs, as JSON: counts of everything, and the ``most`` that matter most."""
    ordered = [*_worst_first(tell.firing), *tell.acknowledged, *_worst_first(tell.resolved)]
    shown = [_alert(alert, facts[alert.id]) for alert in ordered if alert.id in facts][:most]
    return {
        "reason": tell.reason,
        "status": status_of(tell),
        "severity": _severity(tell.firing or tell.acknowledged or tell.resolved),
        "route": tell.route,
        "groupLabels": _bounded(tell.labels),
        "counts": {
            "firing": len(tell.firing),
            "acknowledged": len(tell.acknowledged),
            "resolved": len(tell.resolved),
            "critical": sum(alert.severity == "critical" for alert in tell.firing),
        },
        "rules": _count_rules(tell.firing or tell.resolved, facts),
        "alerts": shown,
        "omitted": len(ordered) - len(shown),
        "closes": list(tell.closes[:MOST_CLOSED]),
        "url": url,
        "acknowledgeUrl": acknowledge_url,
    }


def plain_content(reason: str, text: str, *, url: str) -> dict[str, Any]:
    """A message that is about no alert: a test, or a word about the house itself."""
    return {
        "reason": reason,
        "status": "notice",
        "severity": "warning" if reason == "notice" else "info",
        "route": "",
        "groupLabels": {},
        "counts": {"firing": 0, "acknowledged": 0, "resolved": 0, "critical": 0},
        "rules": [],
        "alerts": [],
        "omitted": 0,
        "closes": [],
        "url": url,
        "acknowledgeUrl": "",
        "text": text[:LONGEST_TEXT],
    }


def title_of(tell: Tell, facts: Mapping[int, Facts]) -> str:
    """One line that says it: of one alert its own words, of several how many and of what."""
    told = tell.firing or tell.acknowledged or tell.resolved
    word = LEADS[tell.reason] if tell.firing or tell.reason == "acknowledged" else "Resolved"
    if len(told) == 1 and tell.reason != STORM:
        one = told[0]
        known = facts.get(one.id)
        summary = known.summary if known else f"alert {one.id}"
        lead = one.severity.capitalize() if word == "Firing" and one.severity else word
        return f"{lead}: {summary}"[:LONGEST_TITLE]
    rules = [name for name, _ in _count_rules(told, facts)]
    of = ", ".join(rules[:3]) + (" and others" if len(rules) > 3 else "")
    return f"{word}: {len(told):,} alert{'' if len(told) == 1 else 's'} of {of or 'rules'}"[
        :LONGEST_TITLE
    ]


def status_of(tell: Tell) -> str:
    """What the thread is by now: firing as long as anything fires that nobody has."""
    if tell.firing:
        return "firing"
    if any(told.state == "acknowledged" for log in tell.logs for told in log.told.values()):
        return "acknowledged"
    still = any(log.told for log in tell.logs)
    return "firing" if still else "resolved"


LEADS: dict[Reason, str] = {
    "firing": "Firing",
    "more": "Firing",
    "repeated": "Still firing",
    "escalated": "Nobody has acknowledged",
    "acknowledged": "Acknowledged",
    "resolved": "Still firing",
    "storm": "Many at once",
}


def _alert(alert: Alert, known: Facts) -> dict[str, Any]:
    return {
        "id": alert.id,
        "status": alert.state,
        "severity": alert.severity,
        "rule": known.rule[:LONGEST_TEXT],
        "subject": known.subject[:LONGEST_TEXT],
        "summary": known.summary[:LONGEST_TEXT],
        "labels": _bounded(known.labels),
        "startedMs": known.started_ms,
        "resolvedMs": known.resolved_ms if alert.state == "resolved" else None,
        "acknowledgedBy": known.acknowledged_by,
        "runbook": known.runbook,
        "url": known.url,
    }


def _worst_first(alerts: Iterable[Alert]) -> list[Alert]:
    """Critical before others, and of each the oldest first."""
    return sorted(
        alerts, key=lambda alert: (alert.severity != "critical", alert.since_ms, alert.id)
    )


def _severity(alerts: Sequence[Alert]) -> str:
    found = {alert.severity for alert in alerts}
    return next((name for name in ("critical", "warning") if name in found), "info")


def _count_rules(alerts: Iterable[Alert], facts: Mapping[int, Facts]) -> list[tuple[str, int]]:
    counts = Counter(facts[alert.id].rule for alert in alerts if alert.id in facts)
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_COUNTED]


def _bounded(labels: Mapping[str, str]) -> dict[str, str]:
    return {
        name[:100]: str(value)[:LONGEST_TEXT] for name, value in list(labels.items())[:MOST_LABELS]
    }
