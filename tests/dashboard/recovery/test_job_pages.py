"""The pages of jobs: look first, then do, then watch."""

from __future__ import annotations

import csv
import io
from html import unescape
from typing import Any

import pytest
from django.db import connections
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from dashboard.recovery.models import Job, JobItem
from ingest.models import DeadLetter
from tests.dashboard.care import HOSTILE, client_for, make_group
from tests.dashboard.recovery.conftest import Shop, make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def operator() -> Client:
    return client_for(Role.OPERATOR)


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def redrive(client: Client, query: str = "", **form: Any) -> Any:
    values = {"canary": 0, "canary_percent": 0, "heed": "on", **form}
    return client.post(f"/dead-letters/redrive/?{query}", values)


def test_the_question_says_how_many_would_go_where_and_what_not(operator: Client) -> None:
    make_group("inventory-group")
    make_group("search-index")
    make_original(1)
    make_original(2, redrives=5)

    answer = operator.get("/dead-letters/redrive/")

    plan = answer.context["plan"]
    assert (plan["sendable"], plan["letters"]) == (1, 2)
    assert plan["ways"][0]["otherGroups"] == ["search-index"]
    assert "1 other group will see them again: search-index" in text_of(answer)
    assert "its event was put back too often already" in text_of(answer)
    assert Job.objects.count() == 0


def test_a_redrive_leads_to_its_job_which_tells_how_it_goes(operator: Client, shop: Shop) -> None:
    letters = [make_original(number) for number in range(3)]
    answer = redrive(operator, f"letter={letters[0].pk}&letter={letters[1].pk}", note="fixed")
    job = Job.objects.get()

    assert answer.status_code == 302
    assert answer["Location"] == f"/dead-letters/jobs/{job.pk}/"
    assert (job.created_by, job.note, job.expected) == ("a-operator", "fixed", 2)
    shop.worker.step()
    DeadLetter.objects.filter(pk=letters[0].pk).update(status="resolved")
    shop.worker.step()
    page = operator.get(answer["Location"])
    assert page.context["progress"].counts.processed == 1
    assert [part["kind"] for part in page.context["parts"]] == ["processed", "published"]
    assert "data-refresh" in page.content.decode()
    fragment = operator.get(answer["Location"], headers={"HX-Request": "true"})
    assert "<html" not in fragment.content.decode()


def test_the_filter_of_the_list_is_the_selection(operator: Client) -> None:
    make_original(1)
    make_original(2, consumer="shipping")

    redrive(operator, "consumer=shipping&range=")

    assert Job.objects.get().expected == 1


def test_options_are_taken_over(operator: Client) -> None:
    make_original(1)
    redrive(
        operator,
        canary=3,
        canary_percent=20,
        rate=50,
        in_order="on",
        heed="",
    )
    job = Job.objects.get()
    assert (job.canary, job.canary_share, job.rate_per_second) == (3, 0.2, 50)
    assert (job.in_order, job.heed) == (True, False)


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"canary": -1}, "canary"),
        ({"canary_percent": "x"}, "canary_percent"),
        ({"rate": 0}, "rate"),
        ({"start": "tomorrow"}, "start"),
        ({"note": "x" * 2001}, "note"),
    ],
)
def test_a_wrong_field_is_told_at_the_field(
    operator: Client, form: dict[str, Any], field: str
) -> None:
    make_original(1)
    answer = redrive(operator, **form)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert Job.objects.count() == 0


def test_a_discard_wants_a_reason(operator: Client) -> None:
    letter = make_original(1)
    path = f"/dead-letters/discard/?letter={letter.pk}"
    refused = operator.post(path, {"note": ""})
    made = operator.post(path, {"note": "a test order"})

    assert refused.context["form"].errors["note"] == ["This field is required."]
    assert made.status_code == 302
    assert (Job.objects.get().kind, Job.objects.get().note) == ("discard", "a test order")


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("letter=x", "'x' is no id"),
        ("letter=99999", "there is no dead letter 99999"),
        ("consumer=nobody", "no open dead letter fits it"),
        ("ids=1", "no filter of dead letters"),
        ("status=opne", "'opne' is none of open, resolved,"),
        ("range=1y", "'1y' is none of 1h, 24h, 7d"),
    ],
)
def test_a_selection_of_nothing_or_of_more_than_was_meant_is_refused(
    operator: Client, query: str, said: str
) -> None:
    make_original(1)
    answer = redrive(operator, query)
    assert answer.status_code == 400
    assert said in text_of(answer)


def test_a_viewer_sees_jobs_but_makes_none_and_stops_none(operator: Client) -> None:
    letter = make_original(1)
    redrive(operator, f"letter={letter.pk}")
    job = Job.objects.get()
    viewer = client_for(Role.VIEWER)

    assert viewer.get("/dead-letters/jobs/").status_code == 200
    page = viewer.get(f"/dead-letters/jobs/{job.pk}/")
    assert page.status_code == 200
    assert "Cancel" not in page.content.decode()
    assert viewer.get("/dead-letters/redrive/").status_code == 403
    assert redrive(viewer).status_code == 403
    for word in ("pause", "resume", "cancel"):
        assert viewer.post(f"/dead-letters/jobs/{job.pk}/{word}/").status_code == 403
    assert Job.objects.get().state == "running"


def test_a_job_is_paused_resumed_and_cancelled_from_its_page(operator: Client) -> None:
    make_original(1)
    redrive(operator)
    job = Job.objects.get()
    states = []
    for word in ("pause", "resume", "cancel"):
        answer = operator.post(
            f"/dead-letters/jobs/{job.pk}/{word}/", headers={"HX-Request": "true"}
        )
        states.append(answer.context["job"].state)
    late = operator.post(f"/dead-letters/jobs/{job.pk}/pause/", headers={"HX-Request": "true"})

    assert states == ["paused", "running", "cancelling"]
    assert "is cancelling; this cannot be done" in text_of(late)


@pytest.mark.parametrize(
    ("kind", "state", "failed", "unknown", "tone"),
    [
        ("redrive", "completed", 0, 0, "ok"),
        ("redrive", "completed", 2, 1, "bad"),
        ("redrive", "completed", 0, 1, "warn"),
        ("redrive", "running", 2, 0, "info"),
        ("redrive", "stopped", 2, 0, "bad"),
        ("discard", "completed", 0, 0, "ok"),
    ],
)
def test_a_job_that_is_through_is_not_green_while_letters_failed_again(
    kind: str, state: str, failed: int, unknown: int, tone: str
) -> None:
    job = Job(kind=kind, state=state)
    told = render_to_string(
        "recovery/_job_state.html", {"job": job, "counts": {"failed": failed, "unknown": unknown}}
    )
    assert f'data-status="{state}" data-tone="{tone}"' in told


def test_the_report_has_every_letter_and_no_formula(operator: Client, shop: Shop) -> None:
    make_original(1, event_type="=HYPERLINK(1)")
    make_original(2, topic="")
    redrive(operator)
    shop.worker.step()

    answer = operator.get(f"/dead-letters/jobs/{Job.objects.get().pk}/report.csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))

    assert [row["state"] for row in rows] == ["published", "skipped"]
    assert rows[0]["eventType"] == "'=HYPERLINK(1)"
    assert rows[1]["reason"] == "it does not tell where it came from"


def test_a_job_that_nobody_works_on_says_so(operator: Client) -> None:
    make_original(1)
    redrive(operator)
    Job.objects.update(created_ms=1)
    answer = operator.get(f"/dead-letters/jobs/{Job.objects.get().pk}/")
    assert "monitor</b> does not run" in answer.content.decode()


def test_pages_cost_the_same_with_one_and_with_thirty(operator: Client) -> None:
    counts = []
    for number in range(30):
        make_original(number, consumer=f"consumer-{number}")
        if number in (0, 29):
            counts.append([_queries(operator, path) for path in ("redrive/", "discard/")])
    assert counts[0] == counts[1]


def _queries(client: Client, path: str) -> int:
    with (
        CaptureQueriesContext(connections["default"]) as default,
        CaptureQueriesContext(connections["events"]) as events,
    ):
        assert client.get(f"/dead-letters/{path}").status_code == 200
    return len(default) + len(events)


def test_nothing_in_a_letter_scripts_the_pages(operator: Client, shop: Shop) -> None:
    make_original(1, event_type=HOSTILE, consumer=HOSTILE, topic=HOSTILE, error_message=HOSTILE)
    pages = [operator.get("/dead-letters/redrive/")]
    redrive(operator, note=HOSTILE)
    shop.worker.step()
    JobItem.objects.update(state="failed", ended_ms=1)
    pages += [operator.get(f"/dead-letters/jobs/{Job.objects.get().pk}/")]
    for page in pages:
        assert "<script>alert" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()
