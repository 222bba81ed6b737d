"""What `manage.py doctor` says of one thing."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Finding"]


class Finding(NamedTuple):
    """One thing looked at. ``mend`` says what to do when it is not ``ok``."""

    subject: str
    ok: bool
    detail: str
    mend: str = ""
