"""Filters of the pages of dead letters."""

from __future__ import annotations

from django import template

from dashboard.recovery.history import expires_ms

__all__: list[str] = []

register = template.Library()
register.filter("expires_ms", expires_ms)
