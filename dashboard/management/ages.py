"""Ages as arguments of commands: "3d", "12h"."""

from __future__ import annotations

from argparse import ArgumentTypeError

from eventscope.durations import DurationError, parse_duration

__all__ = ["age"]


def age(text: str) -> float:
    """Seconds of ``text``; a wrong one is argparse's error, in the duration's own words."""
    try:
        return parse_duration(text)
    except DurationError as error:
        raise ArgumentTypeError(str(error)) from error
