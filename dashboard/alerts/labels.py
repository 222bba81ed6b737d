"""What an episode is called by: silences, routes and inhibition match on it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dashboard.alerts.evaluate import Observation
    from dashboard.alerts.rule import Rule

__all__ = ["labels_of"]


def labels_of(rule: Rule, observation: Observation) -> dict[str, str]:
    """``rule`` and ``severity``, the rule's ``owner`` if it has one, and what is known of the subject:
    some of ``type``, ``source``, ``consumer``, ``topic``, ``component``, ``breaker``, ``service``."""
    told = {
        **observation.labels,
        "rule": rule.name,
        "severity": rule.severity,
        "owner": rule.owner,
    }
    return {name: value for name, value in told.items() if value}
