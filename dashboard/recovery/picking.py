"""Rows that somebody has chosen in a list, kept in its URL from page to page. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import QueryDict
from django.utils.http import urlencode

from dashboard.recovery.asking import Ask
from dashboard.recovery.models import Job

__all__ = ["MOST_PICKED", "Picks", "read_picks"]

MOST_PICKED = 200
"""More of them would not fit into an address; whoever wants more means all that fit."""
LONGEST = 2_000
Kind = Job.Kind
_ACTS = {
    "open": (Kind.REDRIVE, Kind.DISCARD, Kind.ARCHIVE),
    "archived": (Kind.RESTORE,),
    "discarded": (Kind.RESTORE,),
    "all": (Kind.REDRIVE, Kind.DISCARD, Kind.ARCHIVE, Kind.RESTORE),
}


@dataclass(frozen=True)
class Picks:
    """``name`` is the parameter, ``values`` what is chosen; ``acts`` are kinds of jobs over them."""

    name: str
    values: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()

    @property
    def noun(self) -> str:
        return "letter" if self.name == "letter" else "failure"

    @property
    def query(self) -> str:
        return urlencode([(self.name, value) for value in self.values])


def read_picks(given: QueryDict, ask: Ask) -> Picks | None:
    """What is chosen on the page that ``ask`` names; None where nothing is to be chosen from."""
    acts = _ACTS.get(ask.values.get("status", "open"), ())
    if ask.by not in ("", "failure") or not acts:
        return None
    name, known = ("group", _is_group) if ask.by else ("letter", _is_number)
    chosen = dict.fromkeys(value for value in given.getlist(name) if known(value))
    return Picks(name, tuple(chosen)[:MOST_PICKED], tuple(str(act) for act in acts))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


def _is_group(text: str) -> bool:
    """Fingerprints divided by commas."""
    return bool(text) and len(text) <= LONGEST and text.replace(",", "").isalnum()
