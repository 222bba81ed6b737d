"""Silences and windows of maintenance: what a person does with them. Each is one audited change."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.db import transaction

from dashboard.accounts import audit
from dashboard.alerts.hushing import matches_everything
from dashboard.alerts.models import Episode, Silence
from dashboard.alerts.suppressing import renew_suppressions
from dashboard.matchers import LONGEST_VALUE, Matcher, MatcherError, all_match, read_matcher
from eventscope.errors import EventscopeError

__all__ = [
    "LONGEST_COMMENT",
    "LONGEST_MS",
    "MOST_MATCHERS",
    "SilenceError",
    "SilenceNotFound",
    "Wanted",
    "add_silence",
    "common_matchers",
    "end_silence",
    "extend_silence",
    "hushed_now",
    "matchers_of",
    "read_matchers",
]

MOST_MATCHERS = 20
MOST_CURRENT = 500
LONGEST_COMMENT = 2000
LONGEST_MS = 90 * 86_400_000
LONGEST_WEEKLY_MS = 6 * 86_400_000
FURTHEST_MS = 366 * 86_400_000

Kind = Silence.Kind


class SilenceError(EventscopeError, ValueError):
    """The silence cannot be so; the message says why."""


class SilenceNotFound(SilenceError):
    """There is no silence with this number."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A silence as asked for; ``starts_ms`` None: at once."""

    matchers: Sequence[str]
    ends_ms: int
    starts_ms: int | None = None
    comment: str = ""
    kind: str = Kind.SILENCE
    weekly: bool = False
    zone: str = "UTC"


def add_silence(wanted: Wanted, *, by: object, now_ms: int | None = None) -> Silence:
    """Hush what fits, from then on. Raises `SilenceError`."""
    now = _now(now_ms)
    starts = now if wanted.starts_ms is None else wanted.starts_ms
    matchers = read_matchers(wanted.matchers)
    comment = _checked_comment(wanted.comment)
    _check_times(wanted, starts, now)
    with transaction.atomic():
        if Silence.objects.filter(ended_ms=None, ends_ms__gt=now).count() >= MOST_CURRENT:
            raise SilenceError(f"There are {MOST_CURRENT} already; end some first.")
        silence = Silence.objects.create(
            kind=wanted.kind,
            matchers=[str(matcher) for matcher in matchers],
            comment=comment,
            starts_ms=starts,
            ends_ms=wanted.ends_ms,
            weekly=wanted.weekly,
            zone=wanted.zone,
            created_ms=now,
            created_by=audit.name_of(by),
        )
        _record(by, "add", silence, matchers=silence.matchers, until_ms=silence.ends_ms)
    renew_suppressions(now_ms=now)
    return silence


def end_silence(silence_id: int, *, by: object, now_ms: int | None = None) -> Silence:
    """End it before its time, once. What it hushed is heard again at once."""
    now = _now(now_ms)
    silence = _find(silence_id)
    with transaction.atomic():
        current = Silence.objects.filter(pk=silence_id, ended_ms=None)
        if not silence.weekly:
            current = current.filter(ends_ms__gt=now)
        changed = current.update(ended_ms=now, ended_by=audit.name_of(by))
        if changed:
            _record(by, "end", silence)
    renew_suppressions(now_ms=now)
    return _find(silence_id)


def extend_silence(
    silence_id: int, *, by: object, ends_ms: int, now_ms: int | None = None
) -> Silence:
    """Let one that has not ended last until then. Raises `SilenceError`."""
    now = _now(now_ms)
    silence = _find(silence_id)
    if silence.weekly:
        raise SilenceError("A weekly window has no end to put off; make another instead.")
    if not now < ends_ms <= now + LONGEST_MS:
        raise SilenceError("It may last until a moment in the next 90 days.")
    with transaction.atomic():
        current = Silence.objects.filter(pk=silence_id, ended_ms=None, ends_ms__gt=now)
        if not current.filter(starts_ms__lt=ends_ms).update(ends_ms=ends_ms):
            raise SilenceError("It has ended already, or would end before it begins.")
        _record(by, "extend", silence, until_ms=ends_ms)
    renew_suppressions(now_ms=now)
    return _find(silence_id)


def read_matchers(sentences: Iterable[str]) -> list[Matcher]:
    """At least one, of which one must rule something out. Raises `SilenceError` naming the sentence."""
    given = [sentence.replace("\x00", "").strip() for sentence in sentences]
    given = [sentence for sentence in given if sentence]
    if not given:
        raise SilenceError("Say what is to be hushed, such as: consumer = payment")
    if len(given) > MOST_MATCHERS:
        raise SilenceError(f"At most {MOST_MATCHERS} matchers; these are {len(given)}.")
    try:
        matchers = [read_matcher(sentence) for sentence in given]
    except MatcherError as error:
        raise SilenceError(str(error)) from error
    if matches_everything(matchers):
        raise SilenceError("This would hush everything; name at least one label's value.")
    return matchers


def hushed_now(matchers: Iterable[Matcher], *, most: int = 10) -> tuple[int, list[Episode]]:
    """How many open alerts fit, and the newest of them."""
    matchers = tuple(matchers)
    rows = Episode.objects.exclude(state=Episode.State.RESOLVED).order_by("-started_ms")
    fitting = [row for row in rows if all_match(matchers, row.labels)]
    return len(fitting), fitting[:most]


def matchers_of(episode: Episode) -> list[str]:
    """The sentences that fit this alert and others of its rule and subject: what a silence begins with."""
    labels = {
        name: value for name, value in episode.labels.items() if name not in ("severity", "owner")
    }
    labels = labels or {"rule": episode.rule, "subject": episode.subject}
    return [f"{name} = {_quoted(value)}" for name, value in sorted(labels.items()) if value]


def common_matchers(episodes: Sequence[Episode]) -> list[str]:
    """The sentences that fit every one of these alerts; none if they share nothing."""
    if not episodes:
        return []
    first, *others = [matchers_of(episode) for episode in episodes]
    return [sentence for sentence in first if all(sentence in other for other in others)]


def _quoted(value: str) -> str:
    """As a matcher takes it; of what is too long for one, the beginning."""
    if len(value) > LONGEST_VALUE:
        return f"{value[: LONGEST_VALUE - 1]}*"
    return f'"{value}"' if value != value.strip() or value.startswith('"') else value


def _check_times(wanted: Wanted, starts: int, now: int) -> None:
    if not now - 60_000 <= starts <= now + FURTHEST_MS:
        raise SilenceError("It may begin now or within the next year.")
    if wanted.ends_ms <= max(starts, now):
        raise SilenceError("It has to end after it begins, and in the future.")
    if wanted.ends_ms - starts > (LONGEST_WEEKLY_MS if wanted.weekly else LONGEST_MS):
        raise SilenceError("It lasts too long: 90 days at most, 6 days if it is weekly.")
    if wanted.weekly and wanted.kind != Kind.MAINTENANCE:
        raise SilenceError("Only maintenance is weekly; a silence has an end.")
    try:
        ZoneInfo(wanted.zone)
    except (ValueError, OSError, LookupError) as error:
        raise SilenceError(
            f"{wanted.zone[:60]!r} is no time zone; write one such as Europe/Berlin."
        ) from error


def _checked_comment(comment: str) -> str:
    comment = comment.replace("\x00", "").strip()
    if not comment:
        raise SilenceError("Say why, for those who wonder that nothing is told.")
    if len(comment) > LONGEST_COMMENT:
        raise SilenceError(f"At most {LONGEST_COMMENT} characters; this has {len(comment)}.")
    return comment


def _record(by: object, what: str, silence: Silence, **detail: object) -> None:
    audit.record(
        actor=by,
        action=f"silence.{what}",
        subject=silence.name,
        detail={"id": silence.pk, **detail},
    )


def _find(silence_id: int) -> Silence:
    silence = Silence.objects.filter(pk=silence_id).first()
    if silence is None:
        raise SilenceNotFound()
    return silence


def _now(now_ms: int | None) -> int:
    return time.time_ns() // 1_000_000 if now_ms is None else now_ms
