"""Whether those who are to handle redriven events can: breakers, health and lag of each consumer."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from django.conf import settings
from django.db.models import Sum

from ingest.models import ConsumerGroup
from ingest.queries.fleet import OPEN_STATES, list_breakers, list_components

__all__ = ["Target", "group_lags", "hindrances"]


class Target(NamedTuple):
    """Who is to handle the events: a consumer and its group, "" where unknown."""

    consumer: str
    group: str


def group_lags(groups: Collection[str]) -> dict[str, int]:
    """Events not yet delivered, by consumer group; groups whose lag is unknown are left out."""
    rows = ConsumerGroup.objects.filter(name__in=groups, lag__isnull=False)
    return {row["name"]: row["lags"] for row in rows.values("name").annotate(lags=Sum("lag"))}


def hindrances(targets: Collection[Target], lags_before: dict[str, int]) -> dict[Target, str]:
    """Target → why it had better not be sent anything now."""
    breakers = {
        view.breaker.service: view.breaker.name
        for view in list_breakers(transitions=0)
        if view.breaker.state in OPEN_STATES and not view.stale
    }
    unwell = {
        instance.service: view.component
        for view in list_components()
        if view.status == "unhealthy"
        for instance in view.instances
        if instance.service
    }
    lags = group_lags({target.group for target in targets})
    more = settings.DASHBOARD.scaling.message_backlog
    found = {}
    for target in targets:
        grown = lags.get(target.group, 0) - lags_before.get(target.group, 0)
        if target.consumer in breakers:
            found[target] = f"the breaker {breakers[target.consumer]} of {target.consumer} to close"
        elif target.consumer in unwell:
            found[target] = f"{unwell[target.consumer]} of {target.consumer} to be healthy again"
        elif grown > more:
            found[target] = f"the lag of {target.group} to fall by {grown - more}"
    return found
