"""Cells of files that people open in a spreadsheet."""

from __future__ import annotations

__all__ = ["defuse"]

_DANGEROUS = ("=", "+", "-", "@", "\t", "\r", "\n")


def defuse(value: object) -> str:
    """``value`` as text that no spreadsheet takes for a formula: an apostrophe stands before such.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = str(value)
    return f"'{text}" if text.startswith(_DANGEROUS) else text
