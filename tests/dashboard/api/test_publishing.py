from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry
from tests.dashboard.api.test_calls import problem
from tests.dashboard.explore.factories import House, envelope
from tests.servers import Valkey, free_port

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def broker(valkey: Valkey, settings: Any) -> Valkey:
    use(settings, valkey.url)
    return valkey


def use(settings: Any, url: str) -> None:
    main = msgspec.structs.replace(settings.INGEST.brokers["main"], url=url)
    settings.INGEST = msgspec.structs.replace(settings.INGEST, brokers={"main": main})


def post(client: Client, value: object, query: str = "") -> Any:
    return client.post(f"/api/v1/events{query}", json.dumps(value), content_type="application/json")


def stored(broker: Valkey, topic: str) -> list[tuple[str, dict[str, Any]]]:
    client = broker.client()
    found = client.xrange(topic)
    client.close()
    return [(position.decode(), json.loads(fields[b"event"])) for position, fields in found]


def test_batch_is_appended_in_order_and_answered_with_its_places(
    operator: Client, house: House, broker: Valkey
) -> None:
    response = post(
        operator,
        [
            {"eventId": "evt_1", "eventType": "A", "payload": {"n": 1}},
            {"specversion": "1.0", "id": "ce_1", "source": "/s", "type": "t", "data": 2},
            {"eventId": "evt_2", "eventType": "B", "topic": "payments-topic"},
        ],
        "?topic=orders-topic",
    )

    assert response.status_code == 202
    orders, payments = stored(broker, "orders-topic"), stored(broker, "payments-topic")
    assert [one.get("eventId", one.get("id")) for _, one in orders] == ["evt_1", "ce_1"]
    assert response.json()["results"] == [
        {"eventId": "evt_1", "topic": "orders-topic", "position": orders[0][0]},
        {"eventId": "ce_1", "topic": "orders-topic", "position": orders[1][0]},
        {"eventId": "evt_2", "topic": "payments-topic", "position": payments[0][0]},
    ]


def test_topic_of_a_known_type_need_not_be_named(
    operator: Client, house: House, broker: Valkey
) -> None:
    house.publish([envelope("evt_0", "PAYMENT_PROCESSED")], topic="payments-topic")

    assert post(operator, {"eventType": "PAYMENT_PROCESSED"}).status_code == 202
    assert len(stored(broker, "payments-topic")) == 1


def test_one_wrong_event_keeps_the_whole_batch_out(
    operator: Client, house: House, broker: Valkey
) -> None:
    body = problem(post(operator, [{"eventType": "A"}, {}], "?topic=orders-topic"), 400)

    assert body["errors"] == [{"index": 1, "place": "eventType", "message": "missing"}]
    assert stored(broker, "orders-topic") == []
    assert not AuditEntry.objects.exists()


def test_publishing_is_audited(operator: Client, house: House, broker: Valkey) -> None:
    post(operator, {"eventId": "evt_1", "eventType": "A", "topic": "orders-topic"})

    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.subject) == (
        "token:test",
        "events.published",
        "orders-topic",
    )
    assert json.loads(entry.detail) == {"events": 1, "first": "evt_1"}


def test_viewer_cannot_publish(viewer: Client, house: House, broker: Valkey) -> None:
    problem(post(viewer, {"eventType": "A"}, "?topic=orders-topic"), 403)
    assert stored(broker, "orders-topic") == []


def test_broker_that_is_away_is_a_503(operator: Client, house: House, settings: Any) -> None:
    use(settings, f"redis://127.0.0.1:{free_port()}/0")
    problem(post(operator, {"eventType": "A"}, "?topic=orders-topic"), 503)


def test_body_that_is_too_large_is_a_413(operator: Client, house: House) -> None:
    problem(post(operator, {"eventType": "A", "payload": "x" * 3_000_000}), 413)


def test_a_packed_body_is_refused_as_such(operator: Client, broker: Valkey) -> None:
    answer = operator.generic("POST", "/api/v1/events", b"\x1f\x8b", HTTP_CONTENT_ENCODING="gzip")
    told = problem(answer, 415)
    assert told["detail"] == "A body in the coding 'gzip' is not read; send it as it is."


def test_a_cloud_event_in_binary_mode_is_published(operator: Client, broker: Valkey) -> None:
    answer = operator.post(
        "/api/v1/events?topic=orders-topic",
        {"a": 1},
        content_type="application/json",
        headers={"ce-specversion": "1.0", "ce-id": "c1", "ce-source": "/s", "ce-type": "t"},
    )
    [(_, event)] = stored(broker, "orders-topic")
    assert answer.status_code == 202
    assert (event["id"], event["type"], event["data"]) == ("c1", "t", {"a": 1})
