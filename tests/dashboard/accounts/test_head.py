"""HEAD is GET without a body, on every page and call."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test import Client, RequestFactory

from dashboard.accounts.middleware import HeadLikeGet
from tests.dashboard.accounts.factories import client_of, make_user

LONG = b"x" * 200_000


def answer_to_head(answer: HttpResponseBase) -> HttpResponseBase:
    return HeadLikeGet(lambda _: answer)(RequestFactory().head("/events/"))


def test_a_long_body_is_left_out_and_its_length_told() -> None:
    answer = answer_to_head(HttpResponse(LONG, status=404))
    assert isinstance(answer, HttpResponse)
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer["Content-Length"] == str(len(LONG))


def test_a_download_is_left_out_with_its_headers_kept() -> None:
    download = StreamingHttpResponse(
        iter([LONG]), headers={"Content-Disposition": "attachment; filename=x"}
    )
    answer = answer_to_head(download)
    assert isinstance(answer, HttpResponse)
    assert answer.content == b""
    assert answer["Content-Disposition"] == "attachment; filename=x"


def test_a_view_is_asked_as_by_get_and_a_get_keeps_its_body() -> None:
    seen: list[str | None] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.method)
        return HttpResponse(LONG)

    middleware = HeadLikeGet(view)
    middleware(RequestFactory().head("/"))
    kept = middleware(RequestFactory().get("/"))

    assert seen == ["GET", "GET"]
    assert isinstance(kept, HttpResponse)
    assert kept.content == LONG


@pytest.mark.django_db(databases=["default", "events"])
@pytest.mark.parametrize(
    "path", ["/", "/events/", "/alerts/", "/settings/", "/healthz", "/api/v1/events"]
)
def test_pages_probes_and_calls_answer_head_as_get(path: str) -> None:
    client: Client = client_of(make_user())
    told, full = client.head(path), client.get(path)
    assert (told.status_code, told.content) == (200, b"")
    assert told["Content-Type"] == full["Content-Type"]
