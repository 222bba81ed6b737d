from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from dashboard.explore.redrives import Redrive, redrive_of


@dataclass(frozen=True)
class Copy:
    envelope: Any
    appended_ms: int = 5000


def test_copy_that_was_put_back_tells_by_whom_and_when() -> None:
    told = {"id": "job_7", "attempt": 2, "by": "ada", "at": "2026-11-25T10:00:00.250Z"}

    assert redrive_of(Copy({"metadata": {"redrive": told}})) == Redrive(
        appended_ms=5000, id="job_7", by="ada", attempt=2, at_ms=1_795_600_800_250
    )


@pytest.mark.parametrize(
    "envelope",
    [None, "text", [], {}, {"metadata": None}, {"metadata": {}}, {"metadata": {"redrive": "yes"}}],
)
def test_copy_that_came_by_itself_is_no_redrive(envelope: Any) -> None:
    assert redrive_of(Copy(envelope)) is None


def test_redrive_that_tells_nonsense_is_still_one() -> None:
    told = redrive_of(Copy({"metadata": {"redrive": {"attempt": "x", "at": 7, "by": None}}}))
    assert told == Redrive(appended_ms=5000, id="", by="", attempt=None, at_ms=None)
