"""A dead letter with its encrypted values opened: to those who may, and never without a line in the audit log."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.accounts import audit
from dashboard.recovery.presenting import Shown, present
from ingest.models import DeadLetter
from ingest.queries.opening import open_letter_headers, read_letter, sealed_keys
from ingest.queries.sealed import sealed_paths

__all__ = ["Revealed", "paths_in", "reveal_letter"]


class Revealed(NamedTuple):
    """``locked`` are ids of keys that are not configured: what they seal is shown as it is stored."""

    shown: Shown
    locked: list[str]


def reveal_letter(letter: DeadLetter, stored: Shown, *, by: object) -> Revealed:
    """Open what is encrypted in ``letter``, shown as ``stored`` until now.

    The caller has asked `may_reveal`. The note in the audit log tells the paths and no value, and is
    written first.
    """
    detail = {"event": letter.event_id, "paths": paths_in(stored)}
    audit.record(actor=by, action="letter.revealed", subject=f"letter {letter.pk}", detail=detail)
    opened, headers = read_letter(letter), open_letter_headers(letter)
    left = {key for _, value in headers for key in sealed_keys(value)}
    return Revealed(present(letter, opened.text, headers), sorted({*opened.locked, *left}))


def paths_in(shown: Shown) -> list[str]:
    """Where encrypted values stand; in what is no JSON, that there are some."""
    paths = sealed_paths(shown.value, [*shown.headers, (":key", shown.key)])
    if not shown.is_json and sealed_keys(shown.raw.encode("utf-8", "replace")):
        return ["the body", *paths]
    return paths
