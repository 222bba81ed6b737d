from __future__ import annotations

import msgspec
import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from dashboard.doctor import Finding, _registry, examine, skew_finding
from ingest.models import LetterCell
from ingest.options import EntityOptions, PrivacyOptions, RegistryOptions, StoreOptions
from ingest.sealing import Keyring, read_keys
from tests.dashboard.care import make_letter
from tests.ingest.registry.servers import Registry
from tests.servers import Valkey, free_port

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def at(settings: Settings, url: str) -> None:
    main = msgspec.structs.replace(settings.INGEST.brokers["main"], url=url)
    settings.INGEST = msgspec.structs.replace(settings.INGEST, brokers={"main": main})


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


def test_a_sound_installation_has_nothing_wrong(
    settings: Settings, valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    at(settings, valkey.url)
    call_command("doctor")
    lines = capsys.readouterr().out.splitlines()
    assert all(line.startswith("ok") for line in lines)
    assert len(lines) >= 8


def test_a_broker_that_is_not_there_is_wrong_with_its_mend(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    at(settings, f"redis://user:secret@127.0.0.1:{free_port()}/0")
    with pytest.raises(SystemExit) as ended:
        call_command("doctor")
    assert ended.value.code == 1
    out = capsys.readouterr().out
    assert "set REDIS_URL" in out
    assert "secret@" not in out


def test_a_broker_that_may_evict_streams_is_wrong(settings: Settings, valkey: Valkey) -> None:
    at(settings, valkey.url)
    with valkey.client() as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = by_subject(examine())["eviction of broker main"]
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert (found.ok, found.detail) == (False, "allkeys-lru")


@pytest.mark.parametrize(
    ("mood", "password", "ok", "detail"),
    [
        ("well", "s3cret", True, "JSON, PROTOBUF, AVRO"),
        ("well", "wr0ng", False, "refuses the account (401)"),
        ("silent", "s3cret", False, "does not answer"),
        ("failing", "s3cret", False, "answered 500"),
    ],
)
def test_a_schema_registry_is_asked(
    settings: Settings, mood: str, password: str, ok: bool, detail: str
) -> None:
    registry = Registry(account=("ann", "s3cret"))
    registry.mood = mood
    told = RegistryOptions(
        url=registry.url,
        username="ann",
        password=password,
        timeout=1.0 if mood == "silent" else 30.0,  # type: ignore[arg-type]
    )

    found = _registry("main", told)

    registry.stop()
    assert (found.subject, found.ok) == ("schema registry of broker main", ok)
    assert detail in found.detail
    assert not any(secret in str(found) for secret in ("s3cret", "wr0ng"))


@pytest.mark.parametrize(("theirs", "ok"), [(100.5, True), (103.0, False), (96.9, False)])
def test_clocks_may_differ_by_two_seconds_at_most(theirs: float, ok: bool) -> None:
    assert skew_finding("clock", theirs, 100.0).ok is ok


def test_any_host_allowed_is_wrong(settings: Settings, valkey: Valkey) -> None:
    at(settings, valkey.url)
    settings.ALLOWED_HOSTS = ["*"]
    assert by_subject(examine())["allowed hosts"].ok is False


def encrypting(settings: Settings, *keys: str) -> list[Finding]:
    privacy = PrivacyOptions(encrypt=("payload.card",))
    settings.INGEST = msgspec.structs.replace(settings.INGEST, privacy=privacy)
    settings.ENCRYPTION_KEYS = list(keys)
    return [finding for finding in examine() if finding.subject == "encryption"]


def test_encryption_without_a_key_is_wrong_with_its_mend(
    settings: Settings, valkey: Valkey
) -> None:
    at(settings, valkey.url)

    [found] = encrypting(settings)

    assert not found.ok
    assert "EVENTSCOPE_ENCRYPTION_KEYS" in found.mend


def test_keys_are_told_by_their_ids_alone(settings: Settings, valkey: Valkey) -> None:
    at(settings, valkey.url)
    new, old = "ab" * 32, "cd" * 32

    [found] = encrypting(settings, new, old)

    assert found.ok
    assert found.detail == "key {} seals payload.card; {} only open".format(
        *Keyring(read_keys([new, old])).ids
    )
    assert new not in found.detail


def test_reducer_that_is_not_there_is_wrong_with_its_place(settings: Settings) -> None:
    declared = EntityOptions(types=("A",), id="payload.orderId", reducer="nowhere")
    settings.INGEST = msgspec.structs.replace(settings.INGEST, entities={"order": declared})

    found = by_subject(examine())["entities"]

    assert not found.ok
    assert "entities.order.reducer: no reducer is registered as 'nowhere'" in found.detail
    assert "@eventscope.sourcing.reducer" in found.mend


def test_kinds_that_are_declared_rightly_are_named(settings: Settings) -> None:
    declared = EntityOptions(types=("A",), id="payload.orderId")
    settings.INGEST = msgspec.structs.replace(settings.INGEST, entities={"order": declared})
    assert by_subject(examine())["entities"] == Finding(
        "entities", ok=True, detail="order declared"
    )


def test_letters_that_are_counted_wrongly_are_told_with_the_mend(
    settings: Settings, valkey: Valkey
) -> None:
    at(settings, valkey.url)
    make_letter()
    assert by_subject(examine())["dead letters"].ok
    LetterCell.objects.update(open=7)
    found = by_subject(examine())["dead letters"]
    assert not found.ok
    assert "migrate --database events" in found.mend


def stored_at(settings: Settings, **options: object) -> Finding:
    settings.INGEST = msgspec.structs.replace(settings.INGEST, store=StoreOptions(**options))
    return by_subject(examine())["event store"]


def test_clickhouse_that_is_not_there_is_wrong_without_telling_its_password(
    settings: Settings,
) -> None:
    found = stored_at(settings, url=f"http://me:secret@127.0.0.1:{free_port()}/there")

    assert (found.ok, "secret" in found.detail + found.mend) == (False, False)
    assert "CLICKHOUSE_URL" in found.mend


@pytest.mark.clickhouse
@pytest.mark.usefixtures("events_in_clickhouse")
def test_clickhouse_is_right_once_its_tables_are_made(settings: Settings) -> None:
    url = settings.INGEST.store.url
    waiting = stored_at(settings, url=url, create_tables=False)
    made = stored_at(settings, url=url)

    assert (waiting.ok, waiting.detail) == (False, "no table events, keys, streams")
    assert "clickhouse_ddl" in waiting.mend
    assert made.ok
    assert made.detail.startswith("ClickHouse ")
