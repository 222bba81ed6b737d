from __future__ import annotations

import msgspec
import pytest
from django.core.management import call_command
from pytest_django.fixtures import Settings

from dashboard.doctor import Finding, examine, skew_finding
from ingest.options import PrivacyOptions
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


@pytest.mark.parametrize(("theirs", "ok"), [(100.5, True), (103.0, False), (96.9, False)])
def test_clocks_may_differ_by_two_seconds_at_most(theirs: float, ok: bool) -> None:
    assert skew_finding("clock", theirs, 100.0).ok is ok


def test_any_host_allowed_is_wrong(settings: Settings, valkey: Valkey) -> None:
    at(settings, valkey.url)
    settings.ALLOWED_HOSTS = ["*"]
    assert by_subject(examine())["allowed hosts"].ok is False


def test_paths_to_be_encrypted_are_told_to_be_redacted(settings: Settings, valkey: Valkey) -> None:
    at(settings, valkey.url)
    privacy = PrivacyOptions(encrypt=("payload.card",))
    settings.INGEST = msgspec.structs.replace(settings.INGEST, privacy=privacy)

    found = by_subject(examine())["privacy"]

    assert (found.ok, found.detail.partition(":")[0]) == (False, "payload.card")
