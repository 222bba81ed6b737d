"""Large jobs want two people."""

from __future__ import annotations

from html import unescape
from typing import Any

import msgspec
import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role
from dashboard.recovery.actions import JobError, approve_job, cancel_job, create_job
from dashboard.recovery.models import Job
from dashboard.recovery.selection import Selection
from ingest.queries.letters import LetterFilter
from tests.dashboard.care import client_for
from tests.dashboard.recovery.conftest import Shop, make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])

OPEN = Selection.of_filter(LetterFilter())


@pytest.fixture(autouse=True)
def two_people(settings: Any) -> None:
    """Over one letter."""
    letters = msgspec.structs.replace(settings.DASHBOARD.dead_letters, approval_over=1)
    settings.DASHBOARD = msgspec.structs.replace(settings.DASHBOARD, dead_letters=letters)


def state(job: Job) -> str:
    return Job.objects.get(pk=job.pk).state


def large() -> Job:
    make_original(1)
    make_original(2)
    return create_job(actor="ada", selection=OPEN)


def test_a_large_job_does_nothing_until_another_confirms_it(shop: Shop) -> None:
    job = large()
    shop.worker.step()
    before = (state(job), shop.ids())
    make_original(3)

    approve_job(job.pk, by="bob")
    shop.worker.step()

    assert before == ("awaiting", [])
    assert shop.ids() == ["evt_1", "evt_2"]
    assert Job.objects.get().approved_by == "bob"
    actions = AuditEntry.objects.order_by("number").values_list("action", "actor")
    assert list(actions) == [("job.redrive", "ada"), ("job.approved", "bob")]


def test_whoever_made_it_cannot_confirm_it() -> None:
    job = large()
    with pytest.raises(JobError, match="ask another operator"):
        approve_job(job.pk, by="ada")
    assert (state(job), Job.objects.get().approved_by) == ("awaiting", "")


def test_it_is_confirmed_once() -> None:
    job = large()
    approve_job(job.pk, by="bob")
    with pytest.raises(JobError, match="is running"):
        approve_job(job.pk, by="eve")
    assert Job.objects.get().approved_by == "bob"


def test_one_that_is_cancelled_is_over(shop: Shop) -> None:
    job = large()
    cancel_job(job.pk, by="bob")
    shop.worker.step()
    shop.worker.step()
    assert (state(job), shop.ids()) == ("cancelled", [])
    with pytest.raises(JobError):
        approve_job(job.pk, by="eve")


def test_a_small_job_and_a_dry_run_ask_nobody(shop: Shop) -> None:
    letter = make_original(1)
    job = create_job(actor="ada", selection=Selection.of_ids([letter.pk]))
    assert state(job) == "running"


def test_the_pages_say_who_can_confirm_it(shop: Shop) -> None:
    make_original(1)
    make_original(2)
    maker = client_for(Role.OPERATOR, "ada")
    other, viewer = client_for(Role.OPERATOR, "bob"), client_for(Role.VIEWER, "eve")
    maker.post("/dead-letters/redrive/", {"canary": 0, "canary_percent": 0})
    job = Job.objects.get()
    path = f"/dead-letters/jobs/{job.pk}/"

    def shown(client: Client) -> str:
        return unescape(client.get(path).content.decode())

    assert "Ask somebody to; you made it." in shown(maker)
    assert "Confirm</button>" not in shown(maker) + shown(viewer)
    assert "Confirm</button>" in shown(other)
    assert viewer.post(f"{path}approve/").status_code == 403
    refused = maker.post(f"{path}approve/", headers={"HX-Request": "true"})
    assert "ask another operator" in unescape(refused.content.decode())
    other.post(f"{path}approve/")
    assert state(job) == "running"
    assert "Confirmed by" in shown(viewer)
