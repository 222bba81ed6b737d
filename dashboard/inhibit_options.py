"""Which alerts hush which others, as it stands in ``[[alerts.inhibit]]``."""

from __future__ import annotations

from typing import Annotated

import msgspec

from dashboard.matchers import MatcherError, read_matcher
from ingest.options import Section

__all__ = ["InhibitOptions"]

LabelName = Annotated[str, msgspec.Meta(pattern="^[A-Za-z_][A-Za-z0-9_.]{0,99}$")]


class InhibitOptions(Section, frozen=True):
    """While an alert that fits all of ``source`` fires, those that fit all of ``target`` are hushed, if the
    labels named in ``equal`` are the same in both.
    """

    name: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9-]{0,59}$")]
    source: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=10)]
    target: Annotated[tuple[str, ...], msgspec.Meta(min_length=1, max_length=10)]
    equal: tuple[LabelName, ...] = ()

    def __post_init__(self) -> None:
        for sentence in (*self.source, *self.target):
            try:
                read_matcher(sentence)
            except MatcherError as error:
                raise ValueError(f"{self.name}: {error}") from error
