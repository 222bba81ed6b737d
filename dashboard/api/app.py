"""The API as one object, and its routes as Django's; every answer that is an error is a problem."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from ninja import NinjaAPI

from dashboard.api import (
    alert_rules,
    alerts,
    catalog,
    entities,
    events,
    exploring,
    failures,
    fleet,
    flows,
    handler_rules,
    incidents,
    incoming,
    interchange,
    jobs,
    mending,
    metrics,
    retries,
    silences,
    state,
)
from dashboard.api.problems import handle_problems, in_problem_shape, problem_response
from dashboard.api.rendering import Renderer
from dashboard.api.security import BearerToken, SignedIn

__all__ = ["api", "openapi_document", "routes"]

DESCRIPTION = (
    "Find events, read their stories, watch metrics and state, publish. Send "
    "`Authorization: Bearer TOKEN` (`python manage.py token create NAME --role viewer`). "
    "Lists answer `{results, next}`; pass `next` as `cursor`. Errors are `application/problem+json`."
)


api = NinjaAPI(
    title="Eventscope",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api-1",
    docs_url=None,
    openapi_url=None,
    auth=[BearerToken(), SignedIn()],
    renderer=Renderer(),
)
for part in (
    events,
    exploring,
    entities,
    flows,
    metrics,
    alerts,
    alert_rules,
    silences,
    incidents,
    incoming,
    jobs,
    mending,
    interchange,
    handler_rules,
    retries,
    state,
    failures,
    fleet,
    catalog,
):
    api.add_router("", part.router)
handle_problems(api)


def routes() -> list[URLPattern]:
    """The API's URLs, open to requests without a session (ninja asks for a token or one itself)."""
    patterns: list[URLPattern] = []
    for pattern in api.urls[0]:
        if not isinstance(pattern, URLPattern) or pattern.name == "api-root":
            continue
        assert pattern.callback is not None
        pattern.callback = _outer(pattern.callback, str(pattern.pattern))
        patterns.append(pattern)
    return patterns


@functools.cache
def openapi_document() -> dict[str, Any]:
    """The OpenAPI document, with the error shape that every call may answer."""
    document: dict[str, Any] = api.get_openapi_schema(path_prefix="/api/v1")
    problem = {
        "description": "Not as asked",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
    document["components"].setdefault("schemas", {})["Problem"] = {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "errors": {"type": "array", "items": {"type": "object"}},
        },
    }
    for operations in document["paths"].values():
        for operation in operations.values():
            operation["responses"] = {
                str(code): answer for code, answer in operation["responses"].items()
            } | {"default": problem}
    return document


def _outer(view: Callable[..., HttpResponse], route: str) -> Callable[..., HttpResponse]:
    """``view`` without Django's sign-in redirect, refusing query parameters that it does not know."""
    shaped = in_problem_shape(view)

    @wraps(view)
    def outer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        unknown = sorted(set(request.GET) - _known(route, str(request.method).lower()))
        if unknown:
            return problem_response(
                400,
                f"{unknown[0]}: unknown parameter",
                errors=[{"place": name, "message": "unknown parameter"} for name in unknown],
            )
        return shaped(request, *args, **kwargs)

    return login_not_required(outer)


@functools.cache
def _known(route: str, method: str) -> frozenset[str]:
    path = "/api/v1/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)
    operation = openapi_document()["paths"].get(path, {}).get(method, {})
    return frozenset(
        parameter["name"]
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query"
    )
