"""Jobs over a real broker: what is sent, what is left out, what becomes of it, who may stop it."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from dashboard.accounts.models import AuditEntry
from dashboard.recovery.actions import (
    JobError,
    Options,
    cancel_job,
    create_job,
    pause_job,
    resume_job,
)
from dashboard.recovery.items import count_items
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.selection import Selection, SelectionError
from dashboard.recovery.steps import Counts
from ingest.lineage import HEADER
from ingest.models import DeadLetter
from ingest.queries.letters import LetterFilter
from ingest.records import Flag
from tests.dashboard.care import make_breaker, make_letter
from tests.dashboard.recovery.conftest import TOPIC, Shop, make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])

State = Job.State
OPEN = Selection.of_filter(LetterFilter())


def start(selection: Selection = OPEN, kind: str = "redrive", **options: Any) -> Job:
    return create_job(actor="ada", selection=selection, options=Options(**options), kind=kind)


def now(job: Job) -> Job:
    job.refresh_from_db()
    return job


def settle(letters: list[DeadLetter], status: str) -> None:
    DeadLetter.objects.filter(pk__in=[letter.pk for letter in letters]).update(status=status)


def test_letters_go_back_to_their_topic_with_the_same_id_and_their_lineage(shop: Shop) -> None:
    letters = [make_original(1), make_original(2, redrives=2)]
    job = start()

    shop.worker.step()

    first, second = shop.put_back()
    redrive = second["metadata"].pop("redrive")
    assert second == json.loads(bytes(letters[1].event))
    assert (redrive["attempt"], redrive["by"]) == (3, "ada")
    assert redrive["id"] == f"rd_{job.token}_{letters[1].pk}"
    assert first["metadata"]["redrive"]["attempt"] == 1
    assert now(job).state == State.SETTLING
    assert count_items(job) == Counts(published=2)


def test_completed_means_processed_not_sent(shop: Shop) -> None:
    letters = [make_original(number) for number in (1, 2, 3)]
    job = start()
    shop.worker.step()

    settle(letters[:2], DeadLetter.Status.RESOLVED)
    shop.worker.step()
    half = (now(job).state, count_items(job))
    settle(letters[2:], DeadLetter.Status.SUPERSEDED)
    shop.worker.step()

    assert half == (State.SETTLING, Counts(published=1, processed=2))
    assert now(job).state == State.COMPLETED
    assert count_items(job) == Counts(processed=2, failed=1)


def test_what_is_never_heard_of_is_unknown_and_a_late_word_still_counts(
    shop: Shop, settings: Any
) -> None:
    settings.DASHBOARD = msgspec.structs.replace(
        settings.DASHBOARD,
        dead_letters=msgspec.structs.replace(settings.DASHBOARD.dead_letters, redrive_timeout=-1),
    )
    letter = make_original(1)
    job = start()
    shop.worker.step()
    shop.worker.step()
    unknown = (now(job).state, count_items(job))

    settle([letter], DeadLetter.Status.RESOLVED)
    shop.worker._late_at = 0
    shop.worker.step()

    assert unknown == (State.COMPLETED, Counts(unknown=1))
    assert count_items(job) == Counts(processed=1)


def test_what_cannot_go_back_is_left_out_with_the_reason(shop: Shop) -> None:
    shop.client.delete("gone-topic")
    made = {
        "": make_original(1),
        "limit": make_original(2, redrives=5),
        "no_topic": make_original(3, topic=""),
        "redacted": make_original(4, flags=int(Flag.REDACTED)),
        "resolved": make_original(5, status="resolved"),
        "vanished": make_original(6, topic="gone-topic"),
    }
    cut = make_letter(7, event=b'{"eventId":"evt_7"', size=4000)
    job = start(Selection.of_ids([*(letter.pk for letter in made.values()), cut.pk]))

    shop.worker.step()

    reasons = dict(JobItem.objects.filter(job=job).values_list("letter", "reason"))
    assert {code: reasons[letter.pk] for code, letter in made.items()} == {
        code: code for code in made
    }
    assert "cut short" in reasons[cut.pk]
    assert shop.ids() == ["evt_1"]
    assert not shop.client.exists("gone-topic")


def test_an_opaque_event_goes_back_byte_for_byte_in_the_field_where_it_stood(shop: Shop) -> None:
    headers = msgspec.msgpack.encode(
        [(b"tenant", b"7"), (b"kafka_dlt-exception-message", b"no"), (b":field", b"data")]
    )
    make_letter(1, event=b"\x00\xffraw", size=5, headers=headers)
    start()

    shop.worker.step()

    ((_, fields),) = shop.client.xrange(TOPIC)[1:]
    lineage = json.loads(fields.pop(HEADER))
    assert fields == {b"data": b"\x00\xffraw", b"tenant": b"7"}
    assert lineage["attempt"] == 1


def test_sending_an_item_again_appends_nothing(shop: Shop) -> None:
    letters = [make_original(number) for number in range(5)]
    job = start()
    shop.worker.step()
    JobItem.objects.filter(job=job).update(state=JobItem.State.REQUESTED, position="")
    Job.objects.filter(pk=job.pk).update(state=State.RUNNING)

    shop.worker.step()

    assert len(shop.ids()) == len(letters)
    assert list(JobItem.objects.values_list("repeated", flat=True)) == [True] * 5
    assert count_items(job) == Counts(published=5)


def test_overlapping_jobs_never_send_one_letter_twice(shop: Shop) -> None:
    letters = [make_original(number) for number in range(3)]
    first = start(Selection.of_ids([letters[0].pk, letters[1].pk]))
    second = start()

    shop.worker.step()

    assert sorted(shop.ids()) == ["evt_0", "evt_1", "evt_2"]
    assert count_items(first) == Counts(published=2)
    assert count_items(second) == Counts(published=1, skipped=2)
    busy = JobItem.objects.filter(job=second, reason="busy")
    assert sorted(busy.values_list("letter", flat=True)) == [letters[0].pk, letters[1].pk]


def test_letters_that_come_later_are_left_alone(shop: Shop) -> None:
    make_original(1)
    job = start()
    make_original(2)

    shop.worker.step()

    assert shop.ids() == ["evt_1"]
    assert count_items(job).total == 1


def test_a_job_keeps_its_rate(shop: Shop) -> None:
    for number in range(30):
        make_original(number)
    start(rate_per_second=10)

    shop.worker.step()
    shop.worker.step()

    assert len(shop.ids()) <= 20


def test_a_paused_job_sends_nothing_until_it_is_resumed(shop: Shop) -> None:
    make_original(1)
    job = start()
    pause_job(job.pk, by="bob")
    shop.worker.step()
    paused = shop.ids()

    resume_job(job.pk, by="bob")
    shop.worker.step()

    assert paused == []
    assert shop.ids() == ["evt_1"]
    actions = AuditEntry.objects.order_by("number").values_list("action", "actor")
    assert list(actions) == [("job.redrive", "ada"), ("job.paused", "bob"), ("job.resumed", "bob")]


def test_a_cancelled_job_gives_its_letters_back(shop: Shop) -> None:
    make_original(1)
    job = start(start_ms=None, rate_per_second=0.001)
    shop.worker.step()
    cancel_job(job.pk, by="bob")
    shop.worker.step()

    assert now(job).state == State.CANCELLED
    assert count_items(job) == Counts(cancelled=1)
    start()
    shop.worker.step()
    assert shop.ids() == ["evt_1"]


def test_a_job_that_is_over_cannot_be_changed() -> None:
    make_original(1)
    job = start(dry_run=True)
    for change in (pause_job, resume_job, cancel_job):
        with pytest.raises(JobError, match="is planned"):
            change(job.pk, by="bob")
    with pytest.raises(JobError, match="no job"):
        pause_job(999_999, by="bob")


def test_a_scheduled_job_waits_for_its_time(shop: Shop) -> None:
    make_original(1)
    job = start(start_ms=_soon())

    shop.worker.step()

    assert now(job).state == State.SCHEDULED
    assert shop.ids() == []
    Job.objects.filter(pk=job.pk).update(start_ms=1)
    shop.worker.step()
    assert shop.ids() == ["evt_1"]


def test_it_waits_while_the_breaker_of_the_consumer_is_open_and_goes_on_by_itself(
    shop: Shop,
) -> None:
    letter = make_original(1)
    other = make_original(2, consumer="shipping")
    breaker = make_breaker(service=letter.consumer, seen_ms=_soon(), since_ms=_soon())
    job = start()

    shop.worker.step()
    shop.worker.step()
    held = (shop.ids(), now(job).state, job.waits_for)
    breaker.state = "closed"
    breaker.save()
    shop.worker.step()

    assert held == (
        [f"evt_{other.minor}"],
        State.WAITING,
        f"the breaker payment-provider of {letter.consumer} to close",
    )
    assert shop.ids() == ["evt_2", "evt_1"]


def test_canaries_go_first_and_the_rest_only_when_they_are_processed(shop: Shop) -> None:
    letters = [make_original(number) for number in range(10)]
    job = start(canary=3)
    shop.worker.step()
    first = shop.ids()

    settle(letters[:3], DeadLetter.Status.RESOLVED)
    shop.worker.step()

    assert first == ["evt_0", "evt_1", "evt_2"]
    assert len(shop.ids()) == 10
    assert now(job).canary_passed


def test_a_job_whose_canaries_fail_stops_itself(shop: Shop) -> None:
    letters = [make_original(number) for number in range(10)]
    job = start(canary=3, canary_share=0.3)
    shop.worker.step()

    settle(letters[:2], DeadLetter.Status.RESOLVED)
    settle(letters[2:3], DeadLetter.Status.SUPERSEDED)
    shop.worker.step()

    assert now(job).state == State.STOPPED
    assert job.why == "1 of 3 canaries failed again"
    assert count_items(job) == Counts(processed=2, failed=1, cancelled=7)
    assert len(shop.ids()) == 3


def test_events_of_one_entity_go_in_order_each_after_the_one_before(shop: Shop) -> None:
    letters = [make_original(n, order="ORD_1" if n < 3 else f"ORD_{n}") for n in range(5)]
    job = start(in_order=True)
    shop.worker.step()
    first = sorted(shop.ids())
    settle(letters[:1], DeadLetter.Status.RESOLVED)
    shop.worker.step()
    second = shop.ids()
    settle(letters[1:2], DeadLetter.Status.SUPERSEDED)
    shop.worker.step()

    assert first == ["evt_0", "evt_3", "evt_4"]
    assert second[3:] == ["evt_1"]
    late = JobItem.objects.get(job=job, letter=letters[2].pk)
    assert (late.state, late.reason) == ("skipped", "earlier_failed")


def test_a_broker_that_is_away_is_waited_for(shop: Shop) -> None:
    make_original(1)
    job = start()
    shop.client.config_set("maxmemory", "1")
    shop.worker.step()
    waiting = (now(job).state, job.waits_for)
    shop.client.config_set("maxmemory", "0")
    shop.worker.step()

    assert waiting[0] == State.WAITING
    assert waiting[1].startswith("the broker: ")
    assert shop.ids() == ["evt_1"]


def test_a_discard_changes_only_letters_that_are_open(shop: Shop) -> None:
    letters = [make_original(1), make_original(2, status="resolved")]
    job = start(Selection.of_ids([letter.pk for letter in letters]), kind="discard", note="noise")

    shop.worker.step()

    assert [DeadLetter.objects.get(pk=one.pk).status for one in letters] == [
        "discarded",
        "resolved",
    ]
    assert now(job).state == State.COMPLETED
    assert count_items(job) == Counts(processed=1, skipped=1)
    assert shop.ids() == []


@pytest.mark.parametrize(
    ("ids", "reason"),
    [
        ([], "at least one"),
        (["x"], "'x' is no id"),
        ([True], "'True' is no id"),
        ([0], "is no id"),
        ([10**30], "is no id"),
        (list(range(1, 10_002)), "more than 10000"),
    ],
)
def test_ids_that_are_none_are_refused(ids: Any, reason: str) -> None:
    with pytest.raises(SelectionError, match=reason):
        Selection.of_ids(ids)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"rate_per_second": 0}, "ratePerSecond"),
        ({"rate_per_second": float("nan")}, "ratePerSecond"),
        ({"canary": 101}, "canary"),
        ({"canary_share": 1.0}, "canaryShare"),
        ({"canary_wait_ms": 1}, "canaryWait"),
        ({"start_ms": 9_000_000_000_000}, "startAt"),
        ({"note": "x" * 2001}, "note"),
    ],
)
def test_options_out_of_bounds_are_refused_by_name(options: dict[str, Any], place: str) -> None:
    make_original(1)
    with pytest.raises(SelectionError) as refused:
        start(**options)
    assert refused.value.place == place
    assert Job.objects.count() == 0


def test_a_selection_of_nothing_or_of_an_unknown_letter_makes_no_job() -> None:
    with pytest.raises(SelectionError, match="no open dead letter"):
        start()
    with pytest.raises(SelectionError, match="there is no dead letter 77"):
        start(Selection.of_ids([77]))
    assert Job.objects.count() == 0


def _soon() -> int:
    import time

    return time.time_ns() // 1_000_000 + 60_000
