"""Shares as people write them. Pure."""

from __future__ import annotations

from typing import Any

__all__ = ["read_share"]


def read_share(value: Any) -> float:
    """``"0.1%"`` or 0.001. Raises ValueError for anything else."""
    text = str(value).strip()
    return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
