"""The audit log: every change by a person, in an append-only chain of hashes.

An entry's digest covers the one before it, so a changed, removed or inserted entry breaks the chain
from there on. `verify_chain` finds the first break. Entries past their time are let go from the old end
only; the head keeps number and digest of the last of them as the anchor that the rest must fit.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from dashboard.accounts.models import AuditEntry, AuditHead

__all__ = [
    "ChainCheck",
    "Link",
    "check_links",
    "digest_of",
    "expire",
    "name_of",
    "record",
    "verify_chain",
]

HEAD = 1


@dataclass(frozen=True)
class Link:
    """What of an entry is hashed, and its hash."""

    number: int
    at_ms: int
    actor: str
    action: str
    subject: str
    detail: str
    previous: str
    digest: str


@dataclass(frozen=True)
class ChainCheck:
    """``broken_at`` is the number of the first entry that does not fit, None if all do."""

    checked: int
    broken_at: int | None

    @property
    def intact(self) -> bool:
        return self.broken_at is None


def record(*, actor: object, action: str, subject: str, detail: dict[str, Any]) -> AuditEntry:
    """Append an entry, in the caller's transaction if there is one.

    ``actor`` is a user, a token or a name. ``detail`` is kept as JSON, so let no secret be in it.
    """
    values = {
        "at_ms": time.time_ns() // 1_000_000,
        "actor": name_of(actor),
        "action": action[:100],
        "subject": subject[:300],
        "detail": json.dumps(detail, sort_keys=True, separators=(",", ":"), default=str),
    }
    with transaction.atomic(using="default"):
        head = _locked_head()
        number = head.number + 1
        digest = digest_of(number=number, previous=head.digest, **values)  # type: ignore[arg-type]
        entry = AuditEntry(number=number, previous=head.digest, digest=digest, **values)
        entry.save()
        head.number, head.digest = number, digest
        head.save(update_fields=["number", "digest"])
    return entry


def expire(*, before_ms: int, limit: int = 1_000) -> int:
    """Let go of the oldest entries, those from before ``before_ms``; how many. Noted in the log itself."""
    with transaction.atomic(using="default"):
        head = _locked_head()
        oldest = AuditEntry.objects.order_by("number")[:limit]
        gone: tuple[int, str] | None = None
        count = 0
        for number, at_ms, digest in oldest.values_list("number", "at_ms", "digest"):
            if at_ms >= before_ms:
                break
            gone, count = (number, digest), count + 1
        if gone is None:
            return 0
        head.expired_number, head.expired_digest = gone
        head.save(update_fields=["expired_number", "expired_digest"])
        AuditEntry.objects.filter(number__lte=gone[0]).expire()
        record(
            actor="retention",
            action="audit.expired",
            subject=f"entries up to {gone[0]}",
            detail={"entries": count, "digest": gone[1]},
        )
    return count


def digest_of(
    *, number: int, at_ms: int, actor: str, action: str, subject: str, detail: str, previous: str
) -> str:
    """SHA-256 over the fields as a JSON array, ``previous`` first."""
    fields = [previous, number, at_ms, actor, action, subject, detail]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=True).encode("ascii")).hexdigest()


def check_links(links: Iterable[Link], *, after: tuple[int, str] | None = None) -> ChainCheck:
    """Walk entries in ascending order; ``after`` is the number and digest that come before them."""
    checked = 0
    for link in links:
        fits = after is None or (link.number, link.previous) == (after[0] + 1, after[1])
        if not fits or link.digest != _digest_of_link(link):
            return ChainCheck(checked, link.number)
        after = (link.number, link.digest)
        checked += 1
    return ChainCheck(checked, None)


def verify_chain(*, newest: int | None = None) -> ChainCheck:
    """Check the ``newest`` entries (all by default) and that the last one is the head.

    Entries may be added and let go meanwhile: the check is of the head as it stood at the beginning.
    """
    while True:
        head = _head()
        check = _verify(head, newest)
        if check.intact or _head().expired_number == head.expired_number:
            return check


def _verify(head: AuditHead, newest: int | None) -> ChainCheck:
    anchor = head.expired_number
    first = anchor if newest is None else max(anchor, head.number - newest)
    start = (anchor, head.expired_digest) if first == anchor else None
    rows = AuditEntry.objects.filter(number__gt=first, number__lte=head.number).order_by("number")
    fields = list(Link.__dataclass_fields__)
    last: list[Link] = []

    def walk() -> Iterable[Link]:
        for row in rows.values_list(*fields).iterator(chunk_size=2000):
            last[:] = [Link(*row)]
            yield last[0]

    check = check_links(walk(), after=start)
    end = (last[0].number, last[0].digest) if last else (first, head.expired_digest)
    if check.intact and head.number != end[0]:
        return ChainCheck(check.checked, end[0] + 1)
    if check.intact and last and head.digest != end[1]:
        return ChainCheck(check.checked, end[0])
    if check.intact and (stray := _behind_head(head)) is not None:
        return ChainCheck(check.checked, stray)
    return check


def _behind_head(head: AuditHead) -> int | None:
    """The number of an entry that no head tells of; one that was added since has moved the head with it."""
    numbers = AuditEntry.objects.filter(number__gt=head.number).order_by("-number")
    newest = numbers.values_list("number", flat=True).first()
    return newest if newest is not None and newest > _head().number else None


def _head() -> AuditHead:
    return AuditHead.objects.filter(pk=HEAD).first() or AuditHead(number=0, digest="")


def _locked_head() -> AuditHead:
    """The head, locked: on PostgreSQL by the row, on SQLite by the transaction (IMMEDIATE)."""
    AuditHead.objects.get_or_create(pk=HEAD)
    return AuditHead.objects.select_for_update().get(pk=HEAD)


def _digest_of_link(link: Link) -> str:
    return digest_of(
        number=link.number,
        at_ms=link.at_ms,
        actor=link.actor,
        action=link.action,
        subject=link.subject,
        detail=link.detail,
        previous=link.previous,
    )


def name_of(actor: object) -> str:
    """A user's or token's name; anything else as text."""
    get_username = getattr(actor, "get_username", None)
    return str(get_username() if callable(get_username) else actor)[:200]
