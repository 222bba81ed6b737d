"""What changed, in words and with the list that shows it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from dashboard.alerts.changes import Change
from dashboard.alerts.circumstances import EVENTS, FAILURES, VERSION, Circumstances

__all__ = ["ChangeRow", "change_rows"]

KINDS = {
    "consumer": "Consumer",
    "type": "Type",
    "topic": "Topic",
    "source": "Source",
    "error": "Error",
    "version": "Version",
}


@dataclass(frozen=True)
class ChangeRow:
    """One change; ``view`` and ``query`` are of the list that shows it. Shares are in percent."""

    change: Change
    kind: str
    share: str
    share_before: str
    view: str
    query: str


def change_rows(found: Circumstances) -> list[ChangeRow]:
    return [_row(change, found) for change in found.changes]


def _row(change: Change, found: Circumstances) -> ChangeRow:
    span = {"since": found.span.since_ms, "until": found.span.until_ms}
    view = "explore:events"
    by, name = change.by, change.name
    if by == VERSION:
        by, name = "type", name.partition(" ")[0]
    if change.of == EVENTS:
        query = urlencode({by: name, **span})
    elif change.of == FAILURES:
        query = urlencode({by: name, "outcome": "failed,dead_lettered", **span})
    else:
        view, query = "recovery:dead-letters", urlencode({"status": "all", "error": change.name})
    return ChangeRow(
        change=change,
        kind=KINDS[change.by],
        share=_percent(change.share_during),
        share_before="none" if change.is_new else _percent(change.share_before),
        view=view,
        query=query,
    )


def _percent(share: float) -> str:
    return f"{share * 100:.0f}%" if share >= 0.01 else f"{share * 100:.1g}%"
