"""Which alerts hush which others: the built-in ones and those of the configuration. Pure."""

from __future__ import annotations

from dashboard.alerts.hushing import Inhibition
from dashboard.options import DashboardOptions

__all__ = ["BUILT_IN", "inhibitions_of"]

OF_A_CONSUMER = ("consumer != ",)
"""That the label is there at all."""

BUILT_IN = (
    Inhibition.read(
        "ingest-stalled", ["rule = ingest-stalled"], [*OF_A_CONSUMER, "rule != consumer-backlog"]
    ),
    Inhibition.read("ingest-stalled", ["rule = ingest-stalled"], ["rule = ingest-lag"]),
    Inhibition.read(
        "broker-down",
        ["rule = component-unhealthy", "component =~ event-bus|message-broker"],
        OF_A_CONSUMER,
    ),
    Inhibition.read("latency-p99", ["rule = latency-p99"], ["rule = latency-p95"], ["consumer"]),
)
"""What we cannot see (ingest stands still) or what cannot work (the broker is down) is no news of a
consumer; and whose p99 is over its limit need not be told of its p95."""


def inhibitions_of(options: DashboardOptions) -> tuple[Inhibition, ...]:
    """The built-in ones, then ``[[alerts.inhibit]]``; one of the same name takes the built-in's place."""
    own = [
        Inhibition.read(each.name, each.source, each.target, each.equal)
        for each in options.alerts.inhibit
    ]
    names = {each.name for each in own}
    return (*(each for each in BUILT_IN if each.name not in names), *own)
