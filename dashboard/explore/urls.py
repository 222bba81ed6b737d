"""Pages that find and explain events. Ids may hold slashes."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

from dashboard.explore import views

app_name = "explore"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("dashboard.explore.list_urls")),
    path("search/", views.search_page, name="search"),
    path("events/", views.events_page, name="events"),
    path("events/<path:event_id>/", views.event_page, name="event"),
    path("correlations/<path:correlation_id>/", views.correlation_page, name="correlation"),
    path("flows/", views.flows_page, name="flows"),
    path("flows/<path:start>/", views.flow_page, name="flow"),
    path("entities/", views.entities_page, name="entities"),
    path("entities/<str:kind>/<path:entity_id>/", views.entity_page, name="entity"),
    path("topology/", views.topology_page, name="topology"),
    path("quarantine/", views.quarantine_page, name="quarantine"),
    path("quarantine/<int:key>/", views.quarantined_page, name="quarantined"),
    path("catalog/", views.catalog_page, name="catalog"),
    path("catalog/<path:event_type>/", views.type_page, name="type"),
]
