"""Alerts: the list, one, and what a person does to it."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.alerts import rule_views, views

app_name = "alerts"

urlpatterns: list[URLPattern | URLResolver] = [
    path("alerts/", views.alerts_page, name="alerts"),
    path("alerts/together", views.act_together, name="together"),
    path("alerts/act/<str:token>", views.act_by_link, name="act"),
    path("alerts/incidents", views.incidents, name="incidents"),
    path("alerts/silences/", views.silences_page, name="silences"),
    path("alerts/silences/preview", views.preview, name="silence-preview"),
    path("alerts/silences/add", views.add_plain_silence, name="silence-add"),
    path("alerts/silences/maintenance", views.add_maintenance, name="maintenance-add"),
    path("alerts/silences/<int:silence_id>/end", views.end, name="silence-end"),
    path("alerts/silences/<int:silence_id>/extend", views.extend, name="silence-extend"),
    path("alerts/budgets/", rule_views.budgets, name="budgets"),
    path("alerts/rules/", rule_views.rules_page, name="rules"),
    path("alerts/rules/new", rule_views.new, name="rule-new"),
    path("alerts/rules/preview", rule_views.preview, name="rule-preview"),
    path("alerts/rules/<slug:name>/", rule_views.edit, name="rule"),
    path("alerts/rules/<slug:name>/switch", rule_views.switch, name="rule-switch"),
    path("alerts/rules/<slug:name>/delete", rule_views.delete, name="rule-delete"),
    path("alerts/<int:episode_id>/", views.alert_page, name="alert"),
    path("alerts/<int:episode_id>/acknowledge", views.acknowledge, name="acknowledge"),
    path("alerts/<int:episode_id>/unacknowledge", views.unacknowledge, name="unacknowledge"),
    path("alerts/<int:episode_id>/snooze", views.snooze, name="snooze"),
    path("alerts/<int:episode_id>/unsnooze", views.unsnooze, name="unsnooze"),
    path("alerts/<int:episode_id>/assign", views.assign, name="assign"),
    path("alerts/<int:episode_id>/resolve", views.resolve, name="resolve"),
    path("alerts/<int:episode_id>/silence", views.silence_alert, name="silence"),
    path("alerts/<int:episode_id>/circumstances", views.circumstances, name="circumstances"),
    path("alerts/<int:episode_id>/note", views.note, name="note"),
]
