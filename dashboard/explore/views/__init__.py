"""The pages that find and explain events: fetch, call, render."""

from dashboard.explore.views.catalog import catalog_page, type_page
from dashboard.explore.views.correlation import correlation_page
from dashboard.explore.views.entities import entities_page, entity_page
from dashboard.explore.views.event import event_page
from dashboard.explore.views.events import events_page
from dashboard.explore.views.flows import flow_page, flows_page
from dashboard.explore.views.names import topology_page
from dashboard.explore.views.quarantine import quarantine_page, quarantined_page
from dashboard.explore.views.search import search_page

__all__ = [
    "catalog_page",
    "correlation_page",
    "entities_page",
    "entity_page",
    "event_page",
    "events_page",
    "flow_page",
    "flows_page",
    "quarantine_page",
    "quarantined_page",
    "search_page",
    "topology_page",
    "type_page",
]
