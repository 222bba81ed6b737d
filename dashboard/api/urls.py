"""``/api/v1`` and its reference at ``/api/docs``."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView

from dashboard.api.app import routes
from dashboard.api.docs import docs_page, openapi_json
from dashboard.api.problems import no_such_call

app_name = "api"

nothing_here = csrf_exempt(login_not_required(no_such_call))

urlpatterns = [
    path("api/docs", docs_page, name="docs"),
    path("api/docs/", RedirectView.as_view(pattern_name="api:docs")),
    path("api/v1/openapi.json", openapi_json, name="openapi"),
    path("api/v1/", include(routes())),
    path("api/", nothing_here, name="root"),
    path("api/<path:rest>", nothing_here),
]
