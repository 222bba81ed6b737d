from __future__ import annotations

import json

import pytest
from django.test import Client

from dashboard.accounts.audit import record
from dashboard.accounts.models import Role, User
from dashboard.accounts.tokens import issue_token
from ingest.models import Breaker, ConsumerGroup, HealthComponent
from tests.dashboard.explore.factories import START, House, envelope, receipt
from tests.ingest.envelopes.test_celery import FAILED, RECEIVED, SUCCEEDED, TASK, task_message
from tests.ingest.envelopes.test_faststream import binary
from tests.ingest.envelopes.test_masstransit import masstransit

pytestmark = pytest.mark.django_db(databases=["default", "events"])

CALLS = [
    "/api/v1/events",
    "/api/v1/events/x",
    "/api/v1/correlations/x",
    "/api/v1/dead-letters",
    "/api/v1/dead-letters/groups",
    "/api/v1/health",
    "/api/v1/breakers",
    "/api/v1/consumers",
    "/api/v1/topics",
    "/api/v1/quarantine",
    "/api/v1/catalog",
    "/api/v1/audit",
    "/api/v1/scaling/x",
    "/api/v1/metrics",
]


def problem(response: object, status: int) -> dict[str, object]:
    """The body of an answer that is a problem."""
    assert response.status_code == status, response.content  # type: ignore[attr-defined]
    assert response["Content-Type"] == "application/problem+json"  # type: ignore[index]
    body: dict[str, object] = response.json()  # type: ignore[attr-defined]
    assert body["status"] == status
    return body


@pytest.mark.parametrize("url", CALLS)
def test_nobody_without_token_or_session_is_answered(url: str) -> None:
    for client in (Client(), Client(headers={"Authorization": "Bearer es_wrong"})):
        response = client.get(url)
        problem(response, 401)
        assert response["WWW-Authenticate"] == 'Bearer realm="eventscope"'


def test_session_may_read_and_its_changes_need_the_csrf_token(house: House) -> None:
    user = User.objects.create_user("olga", password="x", role=Role.OPERATOR)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")

    assert client.get("/api/v1/events").json() == {
        "results": [],
        "next": None,
        "scanned": None,
        "complete": None,
        "total": None,
        "readUntil": None,
        "slow": None,
    }
    told = problem(client.post("/api/v1/events", "{}", content_type="application/json"), 403)
    assert "CSRF" in str(told["detail"])


def test_wrong_token_is_not_helped_by_a_session(house: House) -> None:
    client = Client(headers={"Authorization": "Bearer es_wrong"})
    client.force_login(
        User.objects.create_user("olga", password="x"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    problem(client.get("/api/v1/events"), 401)


def test_event_in_a_list_is_its_envelope_and_what_became_of_it(
    viewer: Client, house: House
) -> None:
    sent = envelope("evt_1", payload={"orderId": "ORD_1", "big": 2**70, "ä": None})
    house.publish([sent])
    house.receipts([receipt("evt_1", outcome="retry", error="busy")])

    (event,) = viewer.get("/api/v1/events?type=ORDER_CREATED").json()["results"]

    assert event == {
        **sent,
        "topic": "orders-topic",
        "position": f"{START + 5}-0",
        "receivedAt": "2026-11-25T09:46:40.005Z",
        "outcome": "retried",
    }


def test_cloud_event_is_told_in_the_native_form(viewer: Client, house: House) -> None:
    house.publish(
        [
            b'{"specversion":"1.0","id":"ce-1","source":"/shop","type":"order.created",'
            b'"correlationid":"corr_9","time":"2026-11-25T09:46:40Z","data":{"a":1}}'
        ]
    )

    (event,) = viewer.get("/api/v1/events").json()["results"]

    assert (event["eventId"], event["eventType"], event["payload"]) == (
        "ce-1",
        "order.created",
        {"a": 1},
    )
    assert event["metadata"] == {"source": "/shop", "correlationId": "corr_9"}


def test_payload_is_told_wherever_another_format_keeps_it(viewer: Client, house: House) -> None:
    bodies = [
        json.dumps(masstransit(message={"a": 1})).encode(),
        binary(b'{"a":1}'),
        json.dumps(task_message()).encode(),
    ]
    house.publish(bodies)

    told = viewer.get("/api/v1/events", {"order": "oldest"}).json()["results"]

    assert [event["payload"] for event in told[:2]] == [{"a": 1}] * 2
    assert told[2]["payload"][1] == {"card": "4111", "orderId": "ORD_1"}


def test_celerys_own_reports_are_the_receipts_of_its_tasks(viewer: Client, house: House) -> None:
    house.publish([RECEIVED, SUCCEEDED, FAILED], topic="celeryev")

    told = viewer.get(f"/api/v1/events/{TASK}").json()

    assert (told["eventType"], told["outcome"]) == ("shop.tasks.charge", "failed")
    by_outcome = {one["outcome"]: one for one in told["receipts"]}
    assert by_outcome.keys() == {"success", "failed"}
    assert by_outcome["failed"]["error"]["type"] == "ValueError"
    assert by_outcome["success"]["durationMs"] == 250.0


def test_list_goes_on_with_its_cursor(viewer: Client, house: House) -> None:
    house.publish([envelope(f"evt_{number}") for number in range(7)])
    seen: list[str] = []
    cursor = ""
    while True:
        answer = viewer.get("/api/v1/events", {"limit": 3, "order": "oldest", "cursor": cursor})
        seen += [event["eventId"] for event in answer.json()["results"]]
        cursor = answer.json()["next"]
        if cursor is None:
            break

    assert seen == [f"evt_{number}" for number in range(7)]


def test_text_scan_tells_how_far_it_read(viewer: Client, house: House) -> None:
    house.publish([envelope(f"evt_{n}", payload={"note": f"n{n}"}) for n in range(20)])

    answer = viewer.get("/api/v1/events?q=N1&limit=5").json()
    rest = viewer.get("/api/v1/events", {"q": "N1", "limit": 100, "cursor": answer["next"]}).json()

    found = [event["payload"]["note"] for event in answer["results"] + rest["results"]]
    assert found == ["n19", "n18", "n17", "n16", "n15", "n14", "n13", "n12", "n11", "n10", "n1"]
    assert (answer["scanned"], answer["complete"]) == (5, True)
    assert (rest["scanned"], rest["complete"], rest["next"]) == (15, True, None)


def test_one_event_is_told_with_places_receipts_and_dead_letters(
    viewer: Client, house: House
) -> None:
    house.publish([envelope("evt/1")])
    house.publish([envelope("evt/1")], topic="failed-events", at=300)
    house.receipts([receipt("evt/1", at=10, took=5)])
    letter = house.dead_letter("evt/1")

    event = viewer.get("/api/v1/events/evt%2F1").json()

    assert [place["topic"] for place in event["positions"]] == ["orders-topic", "failed-events"]
    told = [(one["consumer"], one["outcome"], one["durationMs"]) for one in event["receipts"]]
    assert told == [
        ("inventory-service", "success", 5.0),
        ("payment-service", "dead_lettered", None),
    ]
    assert [one["id"] for one in event["deadLetters"]] == [letter.pk]
    assert event["outcome"] == "dead_lettered"


def test_correlation_is_told_in_causal_order(viewer: Client, house: House) -> None:
    house.publish([envelope("evt_1", at=0)], at=0)
    house.publish([envelope("evt_3", at=30, cause="evt_gone")], at=30)
    house.publish([envelope("evt_2", at=60, cause="evt_1")], at=60)
    house.receipts([receipt("evt_2", at=70, took=30)])

    story = viewer.get("/api/v1/correlations/corr_1").json()

    assert [(event["eventId"], event["depth"], event["state"]) for event in story["events"]] == [
        ("evt_1", 0, "root"),
        ("evt_2", 1, "child"),
        ("evt_3", 1, "orphan"),
    ]
    assert story["edges"] == [{"cause": "evt_1", "effect": "evt_2"}]
    assert story["missing"] == [{"kind": "cause", "eventId": "evt_gone", "namedBy": ["evt_3"]}]
    assert (story["criticalPath"], story["durationMs"]) == (["evt_1", "evt_2"], 100)
    assert story["events"][1]["handlings"][0]["queueMs"] == 10
    assert [(one["kind"], one["service"], one["durationMs"]) for one in story["timeSpent"]] == [
        ("idle", "order-service", 60),
        ("queue", "inventory-service", 10),
        ("processing", "inventory-service", 30),
    ]


@pytest.mark.parametrize(
    "url",
    ["/api/v1/events/nowhere", "/api/v1/correlations/nowhere", "/api/v1/scaling/x", "/api/v1/no",
     "/api/", "/api/v2/events"],
)  # fmt: skip
def test_what_is_not_there_is_a_problem(viewer: Client, house: House, url: str) -> None:
    problem(viewer.get(url), 404)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/api/v1/events?limit=1001", "limit"),
        ("/api/v1/events?limit=x", "limit"),
        ("/api/v1/events?cursor=forged", "cursor"),
        ("/api/v1/events?colour=red", "colour"),
        ("/api/v1/events?since=99999-01-01", "since"),
        ("/api/v1/dead-letters?status=lost", "status"),
        ("/api/v1/dead-letters?cursor=forged", "cursor"),
        ("/api/v1/dead-letters?since=never", "since"),
        ("/api/v1/health?limit=0", "limit"),
        ("/api/v1/metrics?groupBy=colour", "groupBy"),
        ("/api/v1/metrics?resolution=1s&since=7d", "resolution"),
        ("/api/v1/metrics?since=1y", "since"),
    ],
)
def test_wrong_parameter_is_a_400_that_names_it(
    viewer: Client, house: House, url: str, place: str
) -> None:
    told = problem(viewer.get(url), 400)
    assert told["errors"][0]["place"] == place  # type: ignore[index]


def test_method_that_a_call_does_not_have_is_a_problem(viewer: Client, house: House) -> None:
    response = viewer.delete("/api/v1/events")
    problem(response, 405)
    assert set(response["Allow"].split(", ")) == {"GET", "POST"}


def test_dead_letters_are_filtered_paged_and_grouped(viewer: Client, house: House) -> None:
    for number in range(5):
        house.dead_letter(f"evt_{number}")
    house.dead_letter("evt_x", fingerprint="f2", status="discarded", error_type="Other")

    first = viewer.get("/api/v1/dead-letters?status=open&limit=3").json()
    rest = viewer.get(
        "/api/v1/dead-letters", {"status": "open", "limit": 3, "cursor": first["next"]}
    ).json()
    groups = viewer.get("/api/v1/dead-letters/groups").json()["results"]
    other = viewer.get("/api/v1/dead-letters", {"status": "", "cursor": first["next"]})

    assert [one["eventId"] for one in first["results"] + rest["results"]] == [
        f"evt_{number}" for number in reversed(range(5))
    ]
    assert rest["next"] is None
    assert [(one["id"], one["count"], one["open"], one["errorType"]) for one in groups] == [
        ("f1", 5, 5, "PaymentError"),
        ("f2", 1, 0, "Other"),
    ]
    problem(other, 400)


def test_state_is_told_as_it_is_stored(viewer: Client, house: House) -> None:
    HealthComponent.objects.create(
        component="db", status="degraded", since_ms=START, seen_ms=START, checks=[{"name": "a"}]
    )
    Breaker.objects.create(name="pay", state="open", since_ms=START, seen_ms=START)
    house.publish([envelope("evt_1", "A", source="one")])

    (health,) = viewer.get("/api/v1/health").json()["results"]
    (breaker,) = viewer.get("/api/v1/breakers").json()["results"]
    (topic,) = viewer.get("/api/v1/topics").json()["results"]
    (seen,) = viewer.get("/api/v1/catalog").json()["results"]

    assert (health["component"], health["status"], health["checks"]) == (
        "db",
        "degraded",
        [{"name": "a"}],
    )
    assert (breaker["name"], breaker["state"], breaker["since"]) == (
        "pay",
        "open",
        "2026-11-25T09:46:40.000Z",
    )
    assert topic["topic"] == "orders-topic"
    assert (seen["type"], seen["sources"], seen["topics"]) == ("A", ["one"], ["orders-topic"])


def test_scaling_asks_for_instances_by_the_groups_whole_backlog(
    viewer: Client, house: House
) -> None:
    for topic, lag in (("orders-topic", 3000), ("payments-topic", None)):
        ConsumerGroup.objects.create(
            stream_id=house.stream(topic).id, name="stock", lag=lag, pending=500, sampled_ms=START
        )

    assert viewer.get("/api/v1/scaling/stock").json() == {
        "id": "stock",
        "consumerGroup": "stock",
        "backlog": 4000,
        "wantedInstances": 4,
        "minInstances": 2,
        "maxInstances": 10,
        "unknown": ["payments-topic"],
    }
    (first, second) = viewer.get("/api/v1/consumers").json()["results"]
    assert (first["lag"], second["lag"]) == (None, 3000)


def test_audit_is_for_operators(viewer: Client, operator: Client, house: House) -> None:
    record(actor="vera", action="alert.acknowledged", subject="alert 1", detail={"note": "mine"})

    problem(viewer.get("/api/v1/audit"), 403)
    (entry,) = operator.get("/api/v1/audit").json()["results"]
    assert (entry["actor"], entry["action"], entry["detail"]) == (
        "vera",
        "alert.acknowledged",
        {"note": "mine"},
    )


def test_metrics_of_time_that_was_not_observed_are_null(viewer: Client, house: House) -> None:
    answer = viewer.get("/api/v1/metrics?since=5m&resolution=1m").json()

    assert answer["resolutionSeconds"] == 60
    for series in answer["series"]:
        assert set(series["throughput"]) <= {None}
        assert len(series["p99"]) == len(answer["times"])


def test_token_is_a_role_of_its_own(house: House) -> None:
    raw = issue_token("reader", Role.VIEWER)
    answer = Client(headers={"Authorization": f"Bearer {raw}"}).get("/api/v1/topics")
    assert answer.status_code == 200


def test_groups_of_dead_letters_are_read_page_by_page(viewer: Client, house: House) -> None:
    for number in range(3):
        house.dead_letter(f"evt_{number}", fingerprint=f"f{number}")
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = viewer.get("/api/v1/dead-letters/groups", {"limit": 2, "cursor": cursor}).json()
        seen += [one["id"] for one in page["results"]]
        cursor = page["next"]

    assert sorted(seen) == ["f0", "f1", "f2"]
    problem(viewer.get("/api/v1/dead-letters/groups", {"cursor": "forged"}), 400)


def test_the_catalog_is_read_page_by_page(viewer: Client, house: House) -> None:
    house.publish([envelope(f"evt_{name}", name) for name in ("A", "B", "C")])

    first = viewer.get("/api/v1/catalog", {"limit": 2}).json()
    rest = viewer.get("/api/v1/catalog", {"limit": 2, "cursor": first["next"]}).json()

    assert [[one["type"] for one in page["results"]] for page in (first, rest)] == [
        ["A", "B"],
        ["C"],
    ]
    assert rest["next"] is None
    problem(viewer.get("/api/v1/catalog", {"limit": 1001}), 400)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/dead-letters/7/redrive", "/api/"])
def test_what_is_sent_to_no_call_is_told_so(path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    told = problem(client.post(path, "{}", content_type="application/json"), 404)
    assert told["detail"] == "There is no such call; see /api/docs."
