"""What a person does to one alert or to many at once: the same from a page, a program or a signed link.

Each alert is a change of its own (`dashboard.alerts.actions`): one that cannot be changed so holds none of
the others up, and the answer tells of each why it was left as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from dashboard.alerts.actions import (
    ActionError,
    AlertOutcome,
    acknowledge_alert,
    assign_alert,
    resolve_alert,
    snooze_alert,
    unacknowledge_alert,
)

__all__ = [
    "ACTS",
    "MOST_AT_ONCE",
    "Act",
    "Acted",
    "acknowledge",
    "assign",
    "carry_out",
    "resolve",
    "snooze",
    "take_back",
]

MOST_AT_ONCE = 500
ACTS = ("acknowledge", "take_back", "assign", "snooze", "resolve")


@dataclass(frozen=True, kw_only=True)
class Act:
    """One of `ACTS` with what it needs: ``until_ms`` to snooze, ``to`` to assign."""

    name: str
    note: str = ""
    until_ms: int | None = None
    to: str = ""


@dataclass(frozen=True)
class Acted:
    """``changed`` are the ids that are so now by this act; ``others`` tell why they are not."""

    changed: list[int] = field(default_factory=list)
    others: dict[int, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What did not happen, in one sentence; empty if all did."""
        if not self.others:
            return ""
        words = list(dict.fromkeys(self.others.values()))
        told = " ".join(words[:3]) + (" …" if len(words) > 3 else "")
        if not self.changed and len(self.others) == 1:
            return told
        return f"{len(self.changed)} changed, {len(self.others)} not: {told}"

    @property
    def words(self) -> str:
        """What happened, for the person who acted."""
        count = len(self.changed)
        return self.message or f"Done for {count} alert{'' if count == 1 else 's'}."


def carry_out(act: Act, ids: Iterable[int], *, by: object, now_ms: int | None = None) -> Acted:
    """Do ``act`` to each. Raises `ActionError` if there is no such act or it lacks what it needs."""
    given: dict[str, Any] = {"by": by, "note": act.note, "now_ms": now_ms}
    if act.name == "assign":
        return assign(ids, to=act.to, **given)
    if act.name == "snooze":
        if act.until_ms is None:
            raise ActionError("Choose for how long.")
        return snooze(ids, until_ms=act.until_ms, **given)
    plain = {"acknowledge": acknowledge, "take_back": take_back, "resolve": resolve}
    if act.name not in plain:
        raise ActionError(f"{act.name[:40]!r} is none of {', '.join(ACTS)}.")
    return plain[act.name](ids, **given)


def acknowledge(
    ids: Iterable[int], *, by: object, note: str = "", now_ms: int | None = None
) -> Acted:
    """Say that you have them. Raises `ActionError` for too many at once, as all here do."""
    return _each(ids, partial(acknowledge_alert, by=by, note=note, now_ms=now_ms))


def take_back(
    ids: Iterable[int], *, by: object, note: str = "", now_ms: int | None = None
) -> Acted:
    """Nobody has them any more: they fire again."""
    return _each(ids, partial(unacknowledge_alert, by=by, note=note, now_ms=now_ms))


def assign(
    ids: Iterable[int], *, by: object, to: str, note: str = "", now_ms: int | None = None
) -> Acted:
    """Say who is to look after them; ``to`` empty: nobody."""
    return _each(ids, partial(assign_alert, by=by, to=to, note=note, now_ms=now_ms))


def snooze(
    ids: Iterable[int], *, by: object, until_ms: int, note: str = "", now_ms: int | None = None
) -> Acted:
    """Leave them in peace until then."""
    return _each(ids, partial(snooze_alert, by=by, until_ms=until_ms, note=note, now_ms=now_ms))


def resolve(ids: Iterable[int], *, by: object, note: str = "", now_ms: int | None = None) -> Acted:
    """Say that they are over."""
    return _each(ids, partial(resolve_alert, by=by, note=note, now_ms=now_ms))


def _each(ids: Iterable[int], act: Callable[[int], AlertOutcome]) -> Acted:
    chosen = list(dict.fromkeys(ids))
    if len(chosen) > MOST_AT_ONCE:
        raise ActionError(f"At most {MOST_AT_ONCE} alerts at once; these are {len(chosen)}.")
    acted = Acted()
    for id in chosen:
        try:
            outcome = act(id)
        except ActionError as error:
            acted.others[id] = str(error)
            continue
        if outcome.changed:
            acted.changed.append(id)
        else:
            acted.others[id] = outcome.message
    return acted
