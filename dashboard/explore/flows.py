"""What usually follows, held against one story; the lists of flows and of stuck ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from django.conf import settings
from django.core import signing
from django.db.models import Q

from dashboard.explore.errors import FilterError
from dashboard.explore.parts import Step
from dashboard.explore.story import Story, own_time
from ingest.models import StuckFlow
from ingest.queries.coverage import coverage_of, read_streams
from ingest.queries.flows import (
    Expectation,
    Flow,
    expected_steps,
    read_flow,
    read_overviews,
    stuck_flows,
)
from ingest.system import DETAILS

__all__ = [
    "Expected",
    "StuckPage",
    "expected_branches",
    "learnt_flow",
    "learnt_flows",
    "list_stuck",
    "read_expected",
    "start_of",
]

SALT = "eventscope.stuck-cursor"

Verdict = Literal["waiting", "missing", "never", "late"]


class Expected(NamedTuple):
    """A step that nearly always comes, and what became of it in this story.

    ``waiting``: may still come in time; ``missing``: overdue; ``never``: given up on; ``late``: came,
    but overdue. ``late_by_ms`` is counted from the p99 of its delay, 0 while it is waited for.
    """

    type: str
    source: str
    after: str
    after_event_id: str
    share: float
    opportunities: int
    p50: float | None
    p95: float | None
    p99: float | None
    verdict: Verdict
    late_by_ms: int


class StuckPage(NamedTuple):
    rows: list[StuckFlow]
    next: str | None


def read_expected(story: Story, *, now_ms: int) -> list[Expected]:
    """What the story lacks, or got late, by what was learnt; two queries."""
    start = start_of(story)
    if start is None:
        return []
    flow = learnt_flow(start.event.event_type, now_ms=now_ms)
    if flow is None:
        return []
    options = settings.INGEST.flows
    until = coverage_of(read_streams()).until_ms or now_ms
    return expected_branches(
        story,
        expected_steps(flow, options),
        now_ms=min(now_ms, until),
        longest_ms=int(options.longest * 1000),
    )


def start_of(story: Story) -> Step | None:
    """The event that a story began with: the earliest without a cause in it, system events aside."""
    steps = [step for step in story.steps if step.event.event_type not in DETAILS]
    roots = [step for step in steps if step.state in ("root", "orphan")]
    return min(roots or steps, key=_moment, default=None)


def expected_branches(
    story: Story, expectations: Sequence[Expectation], *, now_ms: int, longest_ms: int
) -> list[Expected]:
    """Of every expectation whose cause is in the story: what lacks or came late, worst first. Pure.

    ``now_ms`` is a moment until which everything appended is stored. Delays count from the append
    of the cause, since that and "now" are the broker's clock.
    """
    start = start_of(story)
    first, followed = _seen(story, start)
    found = []
    for one in expectations:
        cause = first.get(one.step.parent)
        if cause is None:
            continue
        came = followed.get((one.step.parent, one.step.type))
        if came is None and _went_on(followed, one):
            continue
        until = now_ms if came is None else came.event.appended_ms
        late = until > cause.event.appended_ms + one.limit_ms
        if came is None or late:
            gone = until - cause.event.appended_ms
            found.append(_expected(one, cause, gone, late, came is not None, longest_ms))
    order = ("missing", "never", "late", "waiting")
    return sorted(found, key=lambda one: (order.index(one.verdict), -one.late_by_ms, one.type))


def _went_on(followed: Mapping[tuple[str, str], Step], one: Expectation) -> bool:
    """Whether the story took another way after the same cause: nothing lacks then."""
    after = {type for parent, type in followed if parent == one.step.parent}
    return bool(after - one.beside)


def _seen(story: Story, start: Step | None) -> tuple[dict[str, Step], dict[tuple[str, str], Step]]:
    """The first event of each type, and of each type after its cause's type.

    An event whose cause is not in the story follows the first one, as `ingest.flows.joining` has it.
    """
    steps = {step.event_id: step for step in story.steps}
    first: dict[str, Step] = {}
    followed: dict[tuple[str, str], Step] = {}
    for step in sorted(steps.values(), key=_moment):
        first.setdefault(step.event.event_type, step)
        if start is not None and step is not start:
            cause = steps.get(step.parent, start)
            followed.setdefault((cause.event.event_type, step.event.event_type), step)
    return first, followed


def _expected(
    one: Expectation, cause: Step, gone_ms: int, late: bool, came: bool, longest_ms: int
) -> Expected:
    step = one.step
    verdict: Verdict = "waiting"
    if came:
        verdict = "late"
    elif late:
        verdict = "missing" if gone_ms < longest_ms else "never"
    return Expected(
        type=step.type,
        source=step.sources[0] if step.sources else "",
        after=step.parent,
        after_event_id=cause.event_id,
        share=step.share,
        opportunities=step.opportunities,
        p50=step.p50,
        p95=step.p95,
        p99=step.p99,
        verdict=verdict,
        late_by_ms=max(0, round(gone_ms - (step.p99 or 0))) if late else 0,
    )


def _moment(step: Step) -> tuple[int, int]:
    return own_time(step.event), step.event.appended_ms


def learnt_flows(*, now_ms: int) -> list[Flow]:
    """Every kind of flow in the window that counts, the commonest first."""
    return read_overviews(since_ms=_since(now_ms), now_ms=now_ms)


def learnt_flow(start: str, *, now_ms: int) -> Flow | None:
    return read_flow(start, since_ms=_since(now_ms), now_ms=now_ms)


def list_stuck(
    *, start: str = "", waits_for: str = "", cursor: str = "", limit: int = 25
) -> StuckPage:
    """Stuck flows now, the longest overdue first. Raises `FilterError` for a cursor of another list."""
    rows = stuck_flows(start=start, waits_for=waits_for)
    asked = [start, waits_for]
    if cursor:
        due_ms, pk = _open_place(cursor, asked)
        rows = rows.filter(Q(due_ms__gt=due_ms) | Q(due_ms=due_ms, pk__gt=pk))
    found = list(rows[: limit + 1])
    if len(found) <= limit:
        return StuckPage(found, None)
    last = found[limit - 1]
    return StuckPage(found[:limit], signing.dumps([last.due_ms, last.pk, asked], salt=SALT))


def _open_place(cursor: str, asked: list[str]) -> tuple[int, int]:
    try:
        due_ms, pk, identity = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError, TypeError, UnicodeError) as error:
        raise FilterError("cursor", "not one that Eventscope gave out") from error
    if identity != asked:
        raise FilterError("cursor", "belongs to another list; start again without it")
    return due_ms, pk


def _since(now_ms: int) -> int:
    return now_ms - int(settings.INGEST.flows.window * 1000)
