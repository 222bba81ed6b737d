"""Receivers: the page, and what an admin does there."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.notifying import views

app_name = "notifying"

urlpatterns: list[URLPattern | URLResolver] = [
    path("alerts/receivers/", views.receivers_page, name="receivers"),
    path("alerts/receivers/<slug:name>/test", views.test_receiver, name="test"),
    path("alerts/deliveries/<slug:uid>/retry", views.retry_delivery, name="retry"),
]
