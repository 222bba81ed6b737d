"""Every URL of CONTRACT §4; each app brings its own."""

from __future__ import annotations

from importlib import import_module

from django.urls import URLPattern, URLResolver, include, path

APPS = ("live", "explore", "recovery", "alerts", "fleet", "accounts", "api")


def _importable(app: str) -> bool:
    try:
        import_module(f"dashboard.{app}.urls")
    except ImportError:
        return False
    return True


urlpatterns: list[URLPattern | URLResolver] = [
    path("", include(f"dashboard.{app}.urls")) for app in APPS if _importable(app)
]

handler400 = "dashboard.accounts.errors.bad_request"
handler403 = "dashboard.accounts.errors.forbidden"
handler404 = "dashboard.accounts.errors.not_found"
handler500 = "dashboard.accounts.errors.server_error"
