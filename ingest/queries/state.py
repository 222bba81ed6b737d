"""Folded state as pages and alerts read it; `letters` and `fleet` hold the queries."""

from __future__ import annotations

from ingest.queries.fleet import (
    BreakerView,
    ComponentView,
    GroupBacklog,
    breaker_transitions,
    component_results,
    consumer_backlogs,
    judge_component,
    list_breakers,
    list_components,
    list_instances,
    markers,
    open_breakers,
    unhealthy_components,
)
from ingest.queries.letter_groups import open_dead_letters
from ingest.queries.letters import (
    BadCursor,
    LetterFilter,
    LetterPage,
    filter_dead_letters,
    get_dead_letter,
    list_dead_letters,
)

__all__ = [
    "BadCursor",
    "BreakerView",
    "ComponentView",
    "GroupBacklog",
    "LetterFilter",
    "LetterPage",
    "breaker_transitions",
    "component_results",
    "consumer_backlogs",
    "filter_dead_letters",
    "get_dead_letter",
    "judge_component",
    "list_breakers",
    "list_components",
    "list_dead_letters",
    "list_instances",
    "markers",
    "open_breakers",
    "open_dead_letters",
    "unhealthy_components",
]
