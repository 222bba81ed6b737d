"""Health, breakers and consumers."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.fleet import views
from dashboard.fleet.breaker_page import breaker_page
from dashboard.fleet.component_page import component_page
from dashboard.fleet.status_page import badge, status_page

app_name = "fleet"

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/", views.health_page, name="health"),
    path("health/<path:component>/", component_page, name="component"),
    path("breakers/", views.breakers_page, name="breakers"),
    path("breakers/<path:breaker>/", breaker_page, name="breaker"),
    path("status/", status_page, name="status"),
    path("status/badges/<slug:component>.svg", badge, name="status-badge"),
    path("consumers/", views.consumers_page, name="consumers"),
]
