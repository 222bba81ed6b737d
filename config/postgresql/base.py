"""Whole numbers are sent as wide as they are.

A number that stands in an expression (``Greatest(F("at_ms"), now_ms)``) Django takes for an IntegerField, so
with server-side binding it is sent as ``integer``; of one that is wider psycopg's compiled half packs the
lower 32 bits and says nothing. Django's own tests bind on the client, where the digits are written out.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base, operations

__all__ = ["DatabaseOperations", "DatabaseWrapper"]


class DatabaseOperations(operations.DatabaseOperations):
    """Those of Django, with room for each number."""

    def adapt_integerfield_value(self, value: Any, internal_type: str) -> Any:
        """``value`` in the type of its field, in the widest where that has no room for it."""
        low, high = self.integer_field_range(internal_type)
        if isinstance(value, int) and not low <= value <= high:
            internal_type = "BigIntegerField"
        return super().adapt_integerfield_value(value, internal_type)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that uses them."""

    ops_class = DatabaseOperations
