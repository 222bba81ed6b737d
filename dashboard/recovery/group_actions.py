"""What a person does about a failure. Each is kept in its history and audited."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from django.db import transaction

from dashboard.accounts import audit
from dashboard.recovery.models import FailureGroup, GroupEntry
from eventscope.errors import EventscopeError
from ingest.models import FailurePart
from ingest.queries.letter_cells import known_fingerprints
from ingest.splitting import NotDivided, divide_failure, join_failure

__all__ = [
    "LONGEST_MUTE_MS",
    "LONGEST_NOTE",
    "MOST_MERGED",
    "GroupError",
    "describe_group",
    "divide_group",
    "join_group",
    "mark_fixed",
    "merge_group",
    "mute_group",
    "part_words",
    "split_group",
]

LONGEST_NOTE = 2000
LONGEST_NAME = 200
LONGEST_TICKET = 500
LONGEST_VALUE = 300
LONGEST_MUTE_MS = 90 * 86_400_000
MOST_MERGED = 500
Kind = GroupEntry.Kind


class GroupError(EventscopeError, ValueError):
    """This cannot be done to the failure: ``place`` names the field that is wrong."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


def describe_group(
    fingerprint: str, *, by: object, owner: str, note: str, ticket: str
) -> FailureGroup:
    """Say who has it, what is known, and where it is worked on. Raises `GroupError`."""
    owner, ticket = _clean(owner, "owner", LONGEST_NAME), _clean(ticket, "ticket", LONGEST_TICKET)
    note = _clean(note, "note", LONGEST_NOTE)
    if ticket and not _is_link(ticket):
        raise GroupError("ticket", "must be a link that begins with http:// or https://")
    with transaction.atomic():
        group = _group(fingerprint)
        told = [
            f"{name}: {value or '—'}"
            for name, value in (("owner", owner), ("ticket", ticket), ("note", note))
            if getattr(group, name) != value
        ]
        group.owner, group.note, group.ticket = owner, note, ticket
        if told:
            _keep(group, by, Kind.DESCRIBED, "\n".join(told))
    return group


def mark_fixed(
    fingerprint: str, *, by: object, how: str, now_ms: int | None = None
) -> FailureGroup:
    """Say that it is fixed, and how; a letter that comes later makes it regressed. Raises `GroupError`."""
    how = _clean(how, "how", LONGEST_NOTE)
    if not how:
        raise GroupError("how", "say how it was fixed; it may come back")
    with transaction.atomic():
        group = _group(fingerprint)
        group.fixed_ms = _now(now_ms)
        _keep(group, by, Kind.FIXED, how)
    return group


def mute_group(
    fingerprint: str, *, by: object, until_ms: int | None, now_ms: int | None = None
) -> FailureGroup:
    """Show it apart until then; None ends it. It is counted all the same. Raises `GroupError`."""
    now = _now(now_ms)
    if until_ms is not None and not now < until_ms <= now + LONGEST_MUTE_MS:
        raise GroupError("until", "must be within the next 90 days")
    with transaction.atomic():
        group = _group(fingerprint)
        group.muted_until_ms = until_ms
        _keep(group, by, Kind.UNMUTED if until_ms is None else Kind.MUTED, "")
    return group


def merge_group(fingerprint: str, *, into: str, by: object) -> FailureGroup:
    """Count it, and all that were merged into it, with ``into``; `split_group` undoes it. Raises `GroupError`."""
    with transaction.atomic():
        target, group = _group(into, place="into"), _group(fingerprint)
        root = target.merged_into or target.fingerprint
        if root == fingerprint:
            raise GroupError("into", "it is the same failure")
        if FailureGroup.objects.exclude(merged_into="").count() >= MOST_MERGED:
            raise GroupError("into", f"{MOST_MERGED} failures are merged already; split some")
        FailureGroup.objects.filter(merged_into=fingerprint).update(merged_into=root)
        group.merged_into = root
        _keep(group, by, Kind.MERGED, root)
        _note(_group(root, place="into"), by, Kind.MERGED, fingerprint)
    return group


def split_group(fingerprint: str, *, by: object) -> FailureGroup:
    """Let it stand for itself again. Raises `GroupError`."""
    with transaction.atomic():
        group = _group(fingerprint)
        if not group.merged_into:
            raise GroupError("fingerprint", "it is not merged with another failure")
        root, group.merged_into = group.merged_into, ""
        _keep(group, by, Kind.SPLIT, root)
        _note(_group(root), by, Kind.SPLIT, fingerprint)
    return group


def divide_group(fingerprint: str, *, by: object, match: str, value: str) -> str:
    """Keep the letters that fit apart, now and later; the fingerprint that they have then. Raises `GroupError`."""
    value = _clean(value, "value", LONGEST_VALUE)
    if match not in FailurePart.Match.values:
        raise GroupError("match", f"must be one of {', '.join(FailurePart.Match.values)}")
    if not value:
        raise GroupError("value", "say what to look for")
    with transaction.atomic():
        group = _group(fingerprint)
        try:
            part, letters = divide_failure(fingerprint, match=match, value=value)
        except NotDivided as error:
            raise GroupError("value", str(error)) from error
        told = part_words(part)
        _keep(group, by, Kind.DIVIDED, f"{told}: {letters} letters are {part.fingerprint}")
        _note(_group(part.fingerprint), by, Kind.DIVIDED, f"from {fingerprint}: {told}")
    return part.fingerprint


def join_group(fingerprint: str, *, by: object) -> str:
    """Put what was kept apart back, with its history; the failure it is of again. Raises `GroupError`."""
    with transaction.atomic():
        try:
            part, letters = join_failure(fingerprint)
        except NotDivided as error:
            raise GroupError("fingerprint", str(error)) from error
        group, gone = _group(part.origin), FailureGroup.objects.filter(fingerprint=fingerprint)
        GroupEntry.objects.filter(group__in=gone).update(group=group)
        FailureGroup.objects.filter(merged_into=fingerprint).update(merged_into=part.origin)
        gone.delete()
        _keep(group, by, Kind.JOINED, f"{part_words(part)}: {letters} letters of {fingerprint}")
    return part.origin


def part_words(part: FailurePart) -> str:
    """What its letters have, in words."""
    return f"{FailurePart.Match(part.match).label} {part.value!r}"


def _group(fingerprint: str, *, place: str = "fingerprint") -> FailureGroup:
    if not known_fingerprints([fingerprint]):
        raise GroupError(place, f"no dead letter has {fingerprint[:40]!r}")
    FailureGroup.objects.get_or_create(fingerprint=fingerprint)
    return FailureGroup.objects.select_for_update().get(fingerprint=fingerprint)


def _keep(group: FailureGroup, by: object, kind: str, text: str) -> None:
    group.save()
    _note(group, by, kind, text)
    detail = {
        "owner": group.owner,
        "ticket": group.ticket,
        "mutedUntil": group.muted_until_ms,
        "mergedInto": group.merged_into,
        "text": text,
    }
    audit.record(
        actor=by,
        action=f"failure.{kind}",
        subject=f"failure {group.fingerprint}",
        detail={name: value for name, value in detail.items() if value},
    )


def _note(group: FailureGroup, by: object, kind: str, text: str) -> None:
    GroupEntry.objects.create(
        group=group, at_ms=_now(None), by=audit.name_of(by), kind=kind, text=text
    )


def _clean(text: str, place: str, longest: int) -> str:
    text = text.replace("\x00", "").strip()
    if len(text) > longest:
        raise GroupError(place, f"at most {longest} characters")
    return text


def _is_link(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and " " not in text


def _now(now_ms: int | None) -> int:
    return time.time_ns() // 1_000_000 if now_ms is None else now_ms
