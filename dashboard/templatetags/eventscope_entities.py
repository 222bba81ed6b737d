"""Filters of the pages of entities."""

from __future__ import annotations

from typing import Any

from django import template

from dashboard.explore.entities.tree import short_json

__all__ = ["as_json"]

register = template.Library()


@register.filter
def as_json(value: Any) -> str:
    """A value as JSON on one line, cut where it is long."""
    return short_json(value)
