"""Dead letters: the list, and one."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.recovery import views

app_name = "recovery"

urlpatterns: list[URLPattern | URLResolver] = [
    path("dead-letters/", views.dead_letters_page, name="dead-letters"),
    path("dead-letters/<int:letter_id>/", views.dead_letter_page, name="dead-letter"),
]
