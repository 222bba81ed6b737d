"""Names that the kit gives to topics of its own."""

from __future__ import annotations

__all__ = ["RETRY_TOPICS"]

RETRY_TOPICS = "eventscope.retry."
"""What the names of retry topics begin with; the group's follows. They hold copies, not events."""
