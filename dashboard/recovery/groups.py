"""Failures as their pages show them: the counts, what people say of them, how they stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from django.conf import settings

from dashboard.recovery.asking import NO_FAILURE, Ask, write_fingerprints
from dashboard.recovery.burndown import Drawing, draw_flow
from dashboard.recovery.models import FailureGroup, GroupEntry
from dashboard.recovery.standing import Arrivals, Standing, judge_group
from ingest.models import DeadLetter, FailurePart
from ingest.queries.deploys import Deploy, list_deploys
from ingest.queries.letter_ages import Expiry, expiring_letters, oldest_open_ms
from ingest.queries.letter_cells import DAY_MS, HOUR_MS, members_of
from ingest.queries.letter_flows import last_arrivals, letter_flow, letter_trends
from ingest.queries.letter_groups import LetterGroup, letter_groups, letter_totals
from ingest.queries.letters import LetterFilter, list_dead_letters

__all__ = [
    "SPANS",
    "BurnDown",
    "GroupPage",
    "GroupRow",
    "Span",
    "merged_fingerprints",
    "read_burndown",
    "read_group",
    "read_groups",
]

LISTED = 50
TREND_HOURS = 24
SOON_MS = (6 * HOUR_MS, DAY_MS, 7 * DAY_MS)
HISTORY = 50
SAMPLE = 10
PARTS = 12


class Span(NamedTuple):
    """How far a burn-down reaches back: ``steps`` of ``step_ms``."""

    key: str
    label: str
    step_ms: int
    steps: int


SPANS = (
    Span("24h", "24 hours", HOUR_MS, 24),
    Span("7d", "7 days", 4 * HOUR_MS, 42),
    Span("30d", "30 days", DAY_MS, 30),
)


class GroupRow(NamedTuple):
    """``members`` are the fingerprints that count as this one, as they stand in a URL."""

    group: LetterGroup
    kept: FailureGroup | None
    standing: Standing
    trend: list[int]
    share: float
    members: str
    name: str


class BurnDown(NamedTuple):
    drawing: Drawing
    span: Span
    oldest_ms: int | None
    expiries: list[Expiry]


class GroupPage(NamedTuple):
    """``part``: what it was kept apart by; ``parts`` are kept apart from it."""

    row: GroupRow
    fingerprints: tuple[str, ...]
    burndown: BurnDown
    history: list[GroupEntry]
    consumers: list[LetterGroup]
    types: list[LetterGroup]
    letters: list[DeadLetter]
    deploys: list[Deploy]
    part: FailurePart | None
    parts: list[FailurePart]


def merged_fingerprints() -> dict[str, str]:
    """Fingerprint → the one that people let it count with."""
    rows = FailureGroup.objects.exclude(merged_into="")
    return dict(rows.values_list("fingerprint", "merged_into"))


def read_groups(
    ask: Ask, *, now_ms: int, limit: int = LISTED, deploys: Sequence[Deploy] | None = None
) -> list[GroupRow]:
    """One page of groups, with one more row if there is a next page."""
    by, aliases = ask.by or "failure", merged_fingerprints()
    groups = letter_groups(
        ask.where,
        by=by,
        aliases=aliases,
        first_since_ms=ask.new_since_ms,
        limit=limit + 1,
        offset=ask.page * limit,
    )
    keys = [group.key for group in groups]
    trends = letter_trends(keys, by=by, aliases=aliases, until_ms=now_ms, steps=TREND_HOURS)
    judge = _judge(keys, aliases, trends, now_ms, deploys) if by == "failure" else None
    kept = _kept(keys) if by == "failure" else {}
    total = max(letter_totals(ask.where)["open"], 1)
    return [
        GroupRow(
            group=group,
            kept=kept.get(group.key),
            standing=judge(group, kept.get(group.key)) if judge else Standing(),
            trend=trends[group.key],
            share=group.open / total,
            members=write_fingerprints(members_of(group.key, aliases)),
            name=group.key or NO_FAILURE,
        )
        for group in groups
    ]


def _judge(
    keys: Sequence[str],
    aliases: Mapping[str, str],
    trends: Mapping[str, Sequence[int]],
    now_ms: int,
    deploys: Sequence[Deploy] | None,
) -> Callable[[LetterGroup, FailureGroup | None], Standing]:
    """How each of some failures stands, by what is read once for all of them."""
    since_ms = (now_ms // HOUR_MS - TREND_HOURS + 1) * HOUR_MS
    before = last_arrivals(keys, aliases=aliases, before_ms=since_ms)
    known = list_deploys() if deploys is None else deploys

    def judge(group: LetterGroup, kept: FailureGroup | None) -> Standing:
        arrivals = Arrivals(sum(trends[group.key]), since_ms, before.get(group.key))
        return judge_group(group, kept, known, now_ms=now_ms, arrivals=arrivals)

    return judge


def read_group(fingerprint: str, *, span: Span, now_ms: int) -> GroupPage | None:
    """One failure with all that was merged into it; None if no letter ever had it."""
    aliases = merged_fingerprints()
    members = members_of(fingerprint, aliases)
    where = LetterFilter(fingerprints=members)
    deploys = list_deploys()
    rows = read_groups(Ask(where), now_ms=now_ms, limit=1, deploys=deploys)
    row = next((row for row in rows if row.group.key == fingerprint), None)
    if row is None:
        return None
    entries = GroupEntry.objects.filter(group__fingerprint=fingerprint).order_by("-at_ms", "-pk")
    return GroupPage(
        row=row,
        fingerprints=members,
        burndown=read_burndown(where, span=span, now_ms=now_ms, deploys=deploys),
        history=list(entries[:HISTORY]),
        consumers=letter_groups(where, by="consumer", limit=PARTS),
        types=letter_groups(where, by="type", limit=PARTS),
        letters=list_dead_letters(where, limit=SAMPLE).letters,
        deploys=deploys,
        part=FailurePart.objects.filter(fingerprint=fingerprint).first(),
        parts=list(FailurePart.objects.filter(origin=fingerprint).order_by("pk")),
    )


def read_burndown(
    where: LetterFilter, *, span: Span, now_ms: int, deploys: Sequence[Deploy]
) -> BurnDown:
    """Fill against drain of what ``where`` selects, how old it is, and what of it will expire."""
    flows = letter_flow(where, until_ms=now_ms, step_ms=span.step_ms, steps=span.steps)
    kept_s = settings.INGEST.retention.dead_letters
    expiries = expiring_letters(where, SOON_MS, kept_s=kept_s, now_ms=now_ms)
    return BurnDown(
        drawing=draw_flow(flows, step_ms=span.step_ms, deploys=deploys),
        span=span,
        oldest_ms=oldest_open_ms(where),
        expiries=[expiry for expiry in expiries if expiry.letters],
    )


def _kept(fingerprints: Sequence[str]) -> dict[str, FailureGroup]:
    rows = FailureGroup.objects.filter(fingerprint__in=fingerprints)
    return {row.fingerprint: row for row in rows}
