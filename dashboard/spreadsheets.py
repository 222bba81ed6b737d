"""Cells of files that people open in a spreadsheet."""

from __future__ import annotations

__all__ = ["defuse"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""https://owasp.org/www-community/attacks/CSV_Injection"""


def defuse(value: str | int | float | None) -> str | int | float:
    """A cell that is shown, never computed: text that begins like a formula gets a ``'`` before it."""
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return "" if value is None else value
