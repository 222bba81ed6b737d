"""Signing in and out, settings and audit."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from dashboard.accounts import house, views

app_name = "accounts"

urlpatterns: list[URLPattern | URLResolver] = [
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-in/<str:token>/", views.sign_in_link, name="sign-in-link"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("settings/", house.settings_page, name="settings"),
    path("settings/password/", house.password, name="password"),
    path("settings/people/", house.add_user, name="add-user"),
    path("settings/people/<int:user_id>/", house.change_user, name="change-user"),
    path("settings/people/<int:user_id>/link/", house.make_link, name="make-link"),
    path("settings/tokens/", house.add_token, name="add-token"),
    path("settings/tokens/<int:token_id>/revoke/", house.end_token, name="end-token"),
    path("settings/switches/<str:name>/", house.turn_switch, name="switch"),
    path("audit/", house.audit_page, name="audit"),
]
