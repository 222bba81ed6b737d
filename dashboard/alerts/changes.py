"""What is over-represented while an alert held, against the time before. Pure.

The measure: the difference of shares, less its standard error. If of ``d`` failures now ``n`` are of a
name, and before ``m`` of ``b``, it is ``n/d - m/b - sqrt(p (1 - p) (1/d + 1/b))`` with ``p = (n + m) / (d + b)``:
the usual two-proportion comparison (https://en.wikipedia.org/wiki/Two-proportion_Z-test), as an amount
and not as a test. So a name that rose from 5 % to 80 % stands first, and what three events do proves little.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt

__all__ = ["LEAST", "Change", "Counted", "rank_changes", "rise_of"]

LEAST = 0.02
"""Two hundredths of the whole: what rose by less is not worth a line."""


@dataclass(frozen=True)
class Counted:
    """How often each name occurred: ``of`` says what was counted (events, failures), ``by`` by which names."""

    of: str
    by: str
    before: Mapping[str, int]
    during: Mapping[str, int]


@dataclass(frozen=True)
class Change:
    """One name that has a larger share than before. Shares are from 0 to 1; ``rise`` is the measure."""

    of: str
    by: str
    name: str
    before: int
    during: int
    share_before: float
    share_during: float
    rise: float

    @property
    def is_new(self) -> bool:
        return self.before == 0


def rank_changes(counted: Iterable[Counted], *, most: int = 12) -> list[Change]:
    """The names that rose the most, of all that was counted; what rose by less than `LEAST` is left out."""
    found = [change for each in counted for change in _changes(each)]
    found.sort(key=lambda change: (-change.rise, -change.during, change.of, change.by, change.name))
    return found[:most]


def rise_of(during: int, during_all: int, before: int, before_all: int) -> float:
    """The measure, of the counts of one name and of all. Where there was nothing before, the share before
    is none, and only what is now can be uncertain."""
    share = during / during_all
    if before_all == 0:
        return share - sqrt(share * (1 - share) / during_all)
    both = (during + before) / (during_all + before_all)
    error = sqrt(both * (1 - both) * (1 / during_all + 1 / before_all))
    return share - before / before_all - error


def _changes(counted: Counted) -> Iterable[Change]:
    now, then = sum(counted.during.values()), sum(counted.before.values())
    if now == 0 or _says_nothing(counted):
        return
    for name, during in counted.during.items():
        before = counted.before.get(name, 0)
        rise = rise_of(during, now, before, then)
        if rise >= LEAST:
            yield Change(
                of=counted.of,
                by=counted.by,
                name=name,
                before=before,
                during=during,
                share_before=before / then if then else 0.0,
                share_during=during / now,
                rise=rise,
            )


def _says_nothing(counted: Counted) -> bool:
    """Where there is one name only, now and before, it has all and always had."""
    return len({*counted.before, *counted.during}) <= 1 and bool(counted.before)
