"""Filters of the pages of alert rules."""

from __future__ import annotations

from django import template

from dashboard.alerts.budgets import Budget
from dashboard.alerts.replaying import Span
from dashboard.alerts.wording import format_value

__all__ = ["allowed", "at_least_none", "budget_tone", "budget_words", "lasted", "of_unit"]

register = template.Library()
LITTLE = 0.25


@register.filter
def of_unit(value: float | None, unit: str) -> str:
    """A value with the unit of its rule."""
    return format_value(value, unit)


@register.filter
def lasted(span: Span) -> int:
    return span.until_ms - span.from_ms


@register.filter
def budget_tone(left: float) -> str:
    return "bad" if left <= 0 else "warn" if left < LITTLE else "ok"


@register.filter
def budget_words(budget: Budget) -> str:
    """``83.7%``, or how many times over it is spent."""
    left = budget.left or 0.0
    if left >= 0:
        return f"{left * 100:.1f}%"
    return f"spent {1 - left:.3g} times"


@register.filter
def at_least_none(left: float) -> str:
    """For a meter, which knows no less than nothing; with a point whatever the language."""
    return f"{min(1.0, max(0.0, left)):.4f}"


@register.filter
def allowed(budget: Budget) -> float:
    """How many handlings of those that there were may break the promise."""
    return budget.goal.allowed * budget.spent.total
