"""Expressions that every database reads alike."""

from __future__ import annotations

from django.db.models import BigIntegerField, Value

__all__ = ["big"]


def big(number: int) -> Value:
    """``number`` beside a column, in 64 bits, such as a time in milliseconds.

    Django takes a bare int for an `IntegerField`, and psycopg then sends its lowest 32 bits only
    (``Int4``, in binary), without a word.
    """
    return Value(number, output_field=BigIntegerField())
