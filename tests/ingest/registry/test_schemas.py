"""A registry that is slow, failing, gone and back: nobody waits for long, and what it knew stays known."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import pytest
import structlog

from ingest.options import RegistryOptions
from ingest.registry import schemas as module
from ingest.registry.client import MOST_ANSWER, Client
from ingest.registry.compiling import compile_schema
from ingest.registry.errors import RegistryAway, Undecodable, UnknownSchema
from ingest.registry.schemas import Schema, Schemas
from tests.ingest.registry.factories import serialized
from tests.ingest.registry.servers import Registry
from tests.servers import free_port


def client(registry: Registry, **more: object) -> Client:
    return Client(RegistryOptions(url=registry.url, **more))  # type: ignore[arg-type]


def over(registry: Registry, *, patience: float = 60, timeout: float = 30) -> Schemas:
    asked = client(registry, timeout=timeout)
    return Schemas(lambda number: compile_schema(asked, number), patience=patience, most=100)


def get(schemas: Schemas, number: int) -> Schema:
    return schemas.get(number, schemas.deadline())


def eventually(ask: Callable[[], Schema]) -> Schema:
    """As values that come later have it."""
    until = time.monotonic() + 90
    while True:
        try:
            return ask()
        except Undecodable:
            assert time.monotonic() < until
            time.sleep(0.05)


def refusal(ask: Callable[[], object]) -> str:
    with pytest.raises(Undecodable) as refused:
        ask()
    return str(refused.value)


@pytest.fixture
def number(registry: Registry) -> int:
    return int.from_bytes(serialized(registry, "json", "orders", 1)[1:5], "big")


@pytest.mark.parametrize(
    ("mood", "reason"),
    [
        ("failing", "answered 500"),
        ("silent", "does not answer"),
        ("endless", f"answered more than {MOST_ANSWER} bytes"),
        ("odd", "answered what is no schema"),
    ],
)
def test_a_registry_that_fails_is_told_and_used_when_it_is_well_again(
    registry: Registry, number: int, mood: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AWAY_FOR", 0.05)
    schemas = over(registry, timeout=1 if mood == "silent" else 30)
    registry.mood = mood

    told = refusal(lambda: get(schemas, number))
    registry.mood = "well"
    schema = eventually(lambda: get(schemas, number))

    assert reason in told
    assert f"the schema registry at 127.0.0.1:{registry.port}" in told
    assert schema.read(b"{}") == b"{}"


def test_what_is_known_is_used_while_the_registry_is_gone(registry: Registry, number: int) -> None:
    schemas = over(registry)
    get(schemas, number)
    registry.stop()

    assert get(schemas, number).kind == "json"
    assert "does not answer" in refusal(lambda: get(schemas, number + 1))


def test_a_registry_that_is_not_there_is_told() -> None:
    place = f"127.0.0.1:{free_port()}"
    asked = Client(RegistryOptions(url=f"http://{place}", timeout=5.0))  # type: ignore[arg-type]

    with pytest.raises(
        RegistryAway, match=f"the schema registry at {place} does not answer: .*refused"
    ):
        asked.schema(1)


class Slow:
    """Answers when it is let to; counts what it was asked for."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked: list[int] = []

    def fetch(self, number: int) -> Schema:
        self.asked.append(number)
        assert self.let.wait(120)
        return Schema("json", bytes)


def test_only_the_first_value_waits_for_a_registry_that_does_not_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WAITING_SHARE", 0.0)
    slow = Slow()
    schemas = Schemas(slow.fetch, patience=0.1, most=100)

    assert "not answered yet" in refusal(lambda: get(schemas, 1))
    reasons = {refusal(lambda: get(schemas, 1)) for _ in range(100)}

    assert schemas._credit < 0.05
    assert len(reasons) == 1
    assert slow.asked == [1]
    slow.let.set()
    assert eventually(lambda: get(schemas, 1)).kind == "json"


def test_waiting_is_earned_back(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Slow()
    schemas = Schemas(slow.fetch, patience=0.1, most=100)
    refusal(lambda: get(schemas, 1))
    slow.let.set()
    eventually(lambda: get(schemas, 1))

    monkeypatch.setattr(module.time, "monotonic", _later(60))

    schemas.deadline()
    assert schemas._credit == 0.1


def test_all_schemas_of_one_read_share_one_time() -> None:
    slow = Slow()
    schemas = Schemas(slow.fetch, patience=0.2, most=100)
    until = schemas.deadline()

    for number in range(50):
        refusal(lambda number=number: schemas.get(number, until))  # type: ignore[misc]

    slow.let.set()
    assert [eventually(lambda n=n: get(schemas, n)).kind for n in range(50)] == ["json"] * 50  # type: ignore[misc]
    assert sorted(slow.asked) == list(range(50))


def test_small_numbers_are_asked_for_before_large_ones_and_few_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bytes that are no framed value name any number; schemas are counted from one."""
    monkeypatch.setattr(module, "MOST_ASKED", 3)
    slow = Slow()
    schemas = Schemas(slow.fetch, patience=0, most=100)
    refusal(lambda: get(schemas, 1_000_000))
    until = time.monotonic() + 90
    while not slow.asked:
        assert time.monotonic() < until
        time.sleep(0.01)

    for number in (9_000_000, 8_000_000, 7_000_000, 3, 6_000_000, 2):
        refusal(lambda number=number: get(schemas, number))  # type: ignore[misc]
    slow.let.set()

    assert eventually(lambda: get(schemas, 7_000_000)).kind == "json"
    assert slow.asked[:4] == [1_000_000, 2, 3, 6_000_000]


class Strict:
    """Knows five schemas; whatever else is asked for it takes a moment to refuse."""

    def __init__(self) -> None:
        self.known: list[int] = []

    def fetch(self, number: int) -> Schema:
        if number > 5:
            time.sleep(0.002)
            raise UnknownSchema(f"knows no schema {number}")
        self.known.append(number)
        return Schema("json", bytes)


def test_a_flood_of_numbers_that_are_none_takes_nothing_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "WAITING_SHARE", 0.0)
    strict, rng = Strict(), random.Random(7)
    schemas = Schemas(strict.fetch, patience=0.1, most=10)
    flood = [rng.randrange(6, 1 << 32) for _ in range(5000)]
    for number in flood[:3000]:
        refusal(lambda number=number: get(schemas, number))  # type: ignore[misc]
    left = schemas._credit

    found = [eventually(lambda n=n: get(schemas, n)).kind for n in range(1, 6)]  # type: ignore[misc]
    for number in flood[3000:]:
        refusal(lambda number=number: get(schemas, number))  # type: ignore[misc]
    again = [get(schemas, n).kind for n in range(1, 6)]

    assert found == again == ["json"] * 5
    assert sorted(strict.known) == [1, 2, 3, 4, 5]
    assert left < 0.05
    assert not schemas._away
    assert len(schemas._asked) <= module.MOST_ASKED + 1


def test_the_log_is_not_flooded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REST", 0)
    schemas = Schemas(Strict().fetch, patience=60, most=10)

    with structlog.testing.capture_logs() as lines:
        for number in range(6, 60):
            refusal(lambda number=number: get(schemas, number))  # type: ignore[misc]

    ours = [one for one in lines if one.get("schema") in range(6, 60)]
    assert [one["action"] for one in ours] == ["ingest.schema_refused"]


def test_no_more_are_kept_than_is_configured() -> None:
    asked: list[int] = []

    def fetch(number: int) -> Schema:
        asked.append(number)
        return Schema("json", bytes)

    schemas = Schemas(fetch, patience=60, most=2)
    for number in (1, 2, 3, 3, 2, 1):
        get(schemas, number)

    assert asked == [1, 2, 3, 1]


def test_an_unknown_number_is_asked_for_again_after_a_while(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemas = over(registry)
    assert "knows no schema 1" in refusal(lambda: get(schemas, 1))
    assert "knows no schema 1" in refusal(lambda: get(schemas, 1))
    assert len(registry.asked) == 1

    monkeypatch.setattr(module.time, "monotonic", _later(module.UNKNOWN_FOR + 1))
    registry.register("late", {"schema": "{}", "schemaType": "JSON"})

    assert get(schemas, 1).kind == "json"


def _later(seconds: float) -> Callable[[], float]:
    real = time.monotonic
    return lambda: real() + seconds


def test_a_reader_that_breaks_on_a_schema_does_not_end_the_asking() -> None:
    def fetch(number: int) -> Schema:
        if number == 1:
            raise RecursionError("too deep")
        return Schema("json", bytes)

    schemas = Schemas(fetch, patience=60, most=100)

    assert refusal(lambda: get(schemas, 1)) == "schema 1: RecursionError: too deep"
    assert get(schemas, 2).kind == "json"


# -- who asks


def test_an_account_is_told_and_a_wrong_one_is_refused_without_its_password() -> None:
    registry = Registry(account=("ann", "s3cret"))
    registry.register("a", {"schema": "{}", "schemaType": "JSON"})

    kind = client(registry, username="ann", password="s3cret").schema(1).schema_type
    with pytest.raises(RegistryAway, match=r"answered 401 \(refuses the account\)") as refused:
        client(registry, username="ann", password="wr0ng").schema(1)

    registry.stop()
    assert kind == "JSON"
    assert "wr0ng" not in str(refused.value)


def test_references_without_end_are_refused(registry: Registry) -> None:
    for number in range(1, 200):
        following = {"name": f"t{number}", "subject": f"s{number}", "version": 1}
        told = {"schema": '"int"', "schemaType": "AVRO", "references": [following]}
        registry.register(f"s{number - 1}", {**told, "schema": f'{{"type":"int","n":{number}}}'})

    with pytest.raises(UnknownSchema, match="more than 100 others"):
        compile_schema(client(registry), 1)


def test_references_in_a_circle_end(registry: Registry) -> None:
    for number in (1, 2):
        other = {"name": f"t{3 - number}", "subject": f"s{3 - number}", "version": 1}
        told = {"schemaType": "AVRO", "references": [other]}
        registry.register(f"s{number}", {**told, "schema": f'{{"type":"int","n":{number}}}'})

    assert compile_schema(client(registry), 1).read(b"\x06") == b"3"
