"""The overview, its charts, and the probes of whoever runs us."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.live import probes, views

app_name = "live"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("live/charts/", views.charts, name="charts"),
    path("healthz", probes.healthz, name="healthz"),
    path("readyz", probes.readyz, name="readyz"),
    path("metrics", probes.metrics, name="metrics"),
]
