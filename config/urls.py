"""Every URL of CONTRACT §4; each app brings its own."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

APPS = ("live", "explore", "recovery", "notifying", "alerts", "fleet", "accounts", "api")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(f"dashboard.{app}.urls")) for app in APPS
]

handler400 = "dashboard.accounts.errors.bad_request"
handler403 = "dashboard.accounts.errors.forbidden"
handler404 = "dashboard.accounts.errors.not_found"
handler500 = "dashboard.accounts.errors.server_error"
