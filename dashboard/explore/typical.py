"""A story to compare with: of those that began alike and ended well lately, the one that went furthest."""

from __future__ import annotations

from dashboard.explore.parts import Step, Story
from dashboard.explore.reading import Told, read_story
from dashboard.explore.rows import correlation_of, rows_of
from ingest.queries.events import EventFilter, EventView, list_events

__all__ = ["find_typical"]

LOOKED_THROUGH = 60
READ = 5
GOOD = ("delivered", "retried")
WELL = ("delivered", "retried", "unprocessed", "")


def find_typical(story: Story) -> str:
    """The correlation id of a typical story that begins as ``story`` does; "" if there is none.

    Looked for among the newest that began before this one ended, so that they had their time; if there are
    none, among the newest of all. At most five of them are read whole.
    """
    root = next((row for row in story.rows if isinstance(row, Step)), None)
    if root is None:
        return ""
    for until in (story.ended_ms, None):
        told = _well_ended(root, story.correlation_id, until)
        if told:
            fullest = max(told, key=lambda one: len(one.story.rows))
            return fullest.story.correlation_id
    return ""


def _well_ended(root: Step, correlation_id: str, until_ms: int | None) -> list[Told]:
    where = EventFilter(
        types=(root.event.event_type,),
        sources=(root.event.source,) if root.event.source else (),
        until_ms=until_ms,
    )
    page = list_events(where, limit=LOOKED_THROUGH)
    found = []
    for name in _beginnings(page.events, correlation_id):
        told = read_story(name)
        if told is not None and _ended_well(told):
            found.append(told)
        if len(found) == READ:
            break
    return found


def _beginnings(events: list[EventView], correlation_id: str) -> list[str]:
    """Correlations, newest first, whose event of that type was handled well."""
    good = [row.event for row in rows_of(events) if row.outcome in GOOD]
    names = dict.fromkeys(correlation_of(event) for event in good)
    return [name for name in names if name != correlation_id][: READ * 2]


def _ended_well(told: Told) -> bool:
    return told.complete and not told.story.missing and set(told.outcomes.values()) <= set(WELL)
