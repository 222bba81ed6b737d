"""Alerts: the list, one, and what a person does to it."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.alerts import views

app_name = "alerts"

urlpatterns: list[URLPattern | URLResolver] = [
    path("alerts/", views.alerts_page, name="alerts"),
    path("alerts/<int:episode_id>/", views.alert_page, name="alert"),
    path("alerts/<int:episode_id>/acknowledge", views.acknowledge, name="acknowledge"),
    path("alerts/<int:episode_id>/unacknowledge", views.unacknowledge, name="unacknowledge"),
    path("alerts/<int:episode_id>/snooze", views.snooze, name="snooze"),
    path("alerts/<int:episode_id>/unsnooze", views.unsnooze, name="unsnooze"),
    path("alerts/<int:episode_id>/note", views.note, name="note"),
]
