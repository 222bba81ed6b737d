"""What a rule is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.measures import MEASURES

__all__ = [
    "BUILT_IN",
    "CONFIGURED",
    "CRITICAL",
    "FIRING",
    "KEEP",
    "OK",
    "OWN",
    "ROOM_FOR_CLEARING",
    "WARNING",
    "Question",
    "Rule",
]

CRITICAL, WARNING = "critical", "warning"
BUILT_IN, CONFIGURED, OWN = "built-in", "configured", "own"
KEEP, FIRING, OK = "keep", "firing", "ok"
"""What becomes of an episode while its value cannot be measured."""
ROOM_FOR_CLEARING = 0.8


class Question(NamedTuple):
    """What is to be measured: rules with the same one share the answer.

    ``scope`` are globs by dimension, ``members`` globs of the subjects' names; no glob is all.
    """

    metric: str
    by: str = ""
    scope: tuple[tuple[str, tuple[str, ...]], ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """Holds while the value is above ``above`` (or below ``below``: one of them is given); is clear at
    ``clear`` or past it; between, it stays.

    ``for_s`` is how long it must be seen to hold before it fires, ``clear_s`` how long to be clear
    before it resolves. Below ``minimum`` measured things it does not hold. ``overrides`` gives
    subjects a threshold of their own. ``no_data`` is one of `KEEP`, `FIRING`, `OK`.
    """

    name: str
    title: str
    metric: str
    above: float | None
    clear: float
    unit: str
    severity: str
    explanation: str
    for_s: float = 60
    clear_s: float = 60
    minimum: float = 0
    page: str = ""
    owner: str = ""
    overrides: Mapping[str, float] = field(default_factory=dict)
    below: float | None = None
    by: str = ""
    scope: tuple[tuple[str, tuple[str, ...]], ...] = ()
    members: tuple[str, ...] = ()
    no_data: str = KEEP
    runbook: str = ""
    origin: str = BUILT_IN
    enabled: bool = True

    @property
    def limit(self) -> float:
        """What the value is compared with, where the subject has no limit of its own."""
        return (self.below or 0.0) if self.above is None else self.above

    @property
    def question(self) -> Question:
        measure = MEASURES.get(self.metric)
        usual = measure.by[0] if measure and measure.by else ""
        return Question(self.metric, self.by or usual, self.scope, self.members)

    def threshold(self, subject: str) -> float:
        return self.overrides.get(subject, self.limit)

    def clear_threshold(self, subject: str) -> float:
        """The same share off the threshold for a subject that has one of its own."""
        if subject not in self.overrides:
            return self.clear
        return self.overrides[subject] * (self.clear / self.limit if self.limit else 1)
