"""``/api/docs``: the OpenAPI document as a page of our own, since the usual ones need inline scripts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from dashboard.api.app import openapi_document
from dashboard.api.problems import problem_response
from dashboard.api.security import BearerToken

__all__ = ["Call", "docs_page", "openapi_json", "read_calls"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the page tells it."""

    method: str
    path: str
    summary: str
    description: str
    group: str
    anchor: str
    parameters: list[dict[str, Any]]
    body_example: str
    status: str
    fields: list[dict[str, Any]]


def docs_page(request: HttpRequest) -> HttpResponse:
    """The reference."""
    groups: dict[str, list[Call]] = {}
    for call in read_calls(openapi_document()):
        groups.setdefault(call.group, []).append(call)
    context = {"groups": groups, "document": openapi_document()["info"]}
    return render(request, "explore/api_docs.html", context)


@login_not_required
def openapi_json(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document itself, for whoever may call."""
    if not (request.user.is_authenticated or BearerToken()(request)):
        return problem_response(401, "Send a token or sign in.")
    return JsonResponse(openapi_document())


def read_calls(document: dict[str, Any]) -> list[Call]:
    """Every call of an OpenAPI document, in its order. Pure."""
    return [
        _call(document, path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]


def _call(document: dict[str, Any], path: str, method: str, operation: dict[str, Any]) -> Call:
    status = next(code for code in operation["responses"] if code.startswith("2"))
    content = operation["responses"][status].get("content", {})
    schema = content.get("application/json", {}).get("schema", {})
    return Call(
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        description=operation.get("description", ""),
        group=(operation.get("tags") or ["other"])[0],
        anchor=operation["operationId"],
        parameters=[_parameter(document, one) for one in operation.get("parameters", ())],
        body_example=_body(operation),
        status=status,
        fields=_fields(document, _resolve(document, schema)),
    )


def _parameter(document: dict[str, Any], one: dict[str, Any]) -> dict[str, Any]:
    schema = one.get("schema", {})
    return {
        "name": one["name"],
        "place": one["in"],
        "type": _type(document, schema),
        "required": one.get("required", False),
        "default": schema.get("default") or "",
        "text": one.get("description") or schema.get("description", ""),
    }


def _fields(document: dict[str, Any], schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": _type(document, part), "text": part.get("description", "")}
        for name, part in schema.get("properties", {}).items()
    ]


def _body(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    example = content.get("application/json", {}).get("example")
    return json.dumps(example, indent=2) if example is not None else ""


def _type(document: dict[str, Any], schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        target = _resolve(document, schema)
        choices = target.get("enum")
        return " | ".join(map(str, choices)) if choices else schema["$ref"].rsplit("/", 1)[1]
    if "enum" in schema:
        return " | ".join(str(choice) or '""' for choice in schema["enum"])
    if "anyOf" in schema:
        return " | ".join(_type(document, part) for part in schema["anyOf"])
    if schema.get("type") == "array":
        return f"[{_type(document, schema.get('items', {}))}]"
    return str(schema.get("type", "any"))


def _resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    return found
