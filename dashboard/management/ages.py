"""Arguments of commands: ages ("3d", "12h") and counts."""

from __future__ import annotations

from argparse import ArgumentTypeError

from eventscope.durations import DurationError, parse_duration

__all__ = ["age", "count"]


def age(text: str) -> float:
    """Seconds of ``text``; a wrong one is argparse's error, in the duration's own words."""
    try:
        return parse_duration(text)
    except DurationError as error:
        raise ArgumentTypeError(str(error)) from error


def count(text: str) -> int:
    """A whole number from 0 on; argparse's error for another."""
    if not text.isascii() or not text.isdigit():
        raise ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)
