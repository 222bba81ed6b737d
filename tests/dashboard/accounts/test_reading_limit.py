"""A reading that would take too long is a 503 with advice, on a page and for a program."""

from __future__ import annotations

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from dashboard.accounts.middleware import ReadingLimit
from ingest.queries.events import ReadingTooLong

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def answer_to(error: Exception, *, accept: str = "text/html") -> HttpResponse | None:
    request: HttpRequest = RequestFactory().get("/events/evt_1/", headers={"Accept": accept})
    return ReadingLimit(lambda _: HttpResponse()).process_exception(request, error)


def test_a_page_says_what_to_do() -> None:
    answer = answer_to(ReadingTooLong())
    assert answer is not None
    assert answer.status_code == 503
    assert "Choose a shorter time or a rarer value" in answer.content.decode()


def test_a_program_gets_a_problem() -> None:
    answer = answer_to(ReadingTooLong(), accept="application/json")
    assert answer is not None
    assert (answer.status_code, answer["Content-Type"]) == (503, "application/problem+json")


def test_any_other_failure_stays_one() -> None:
    assert answer_to(ValueError("no")) is None
