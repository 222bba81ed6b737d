"""Pages that find and explain events."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver

app_name = "explore"

urlpatterns: list[URLPattern | URLResolver] = []
