"""The overview, its charts, and the probes of whoever runs us."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.live import views

app_name = "live"

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
]
