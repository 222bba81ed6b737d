from __future__ import annotations

import msgspec
import pytest
from pytest_django.fixtures import Settings

from ingest.checks import check_encryption, check_registry
from ingest.options import BrokerOptions, PrivacyOptions, RegistryOptions
from ingest.registry import compiling

KEY = "ab" * 32


def configured(settings: Settings, *paths: str, keys: tuple[str, ...] = (KEY,)) -> list[str]:
    settings.INGEST = msgspec.structs.replace(
        settings.INGEST, privacy=PrivacyOptions(encrypt=paths)
    )
    settings.ENCRYPTION_KEYS = list(keys)
    return [str(message.id) for message in check_encryption()]


@pytest.mark.parametrize(
    ("paths", "keys", "wrong"),
    [
        ((), (), []),
        ((), (KEY,), []),
        (("payload.card", "header:x-card"), (KEY, "cd" * 32), []),
        (("payload.card",), (), ["ingest.E001"]),
        (("payload.card",), (KEY, "no key"), ["ingest.E002"]),
        (("eventType", "payload", "payload.card"), (KEY,), ["ingest.E003", "ingest.E003"]),
    ],
)
def test_what_would_expose_or_lose_something_is_an_error(
    settings: Settings, paths: tuple[str, ...], keys: tuple[str, ...], wrong: list[str]
) -> None:
    assert configured(settings, *paths, keys=keys) == wrong


def test_a_registry_without_its_libraries_is_an_error(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = RegistryOptions(url="http://registry:8081")
    main = BrokerOptions(type="kafka", registry=registry)
    before = check_registry()
    settings.INGEST = msgspec.structs.replace(settings.INGEST, brokers={"main": main})
    installed = check_registry()
    monkeypatch.setattr(compiling, "_LIBRARIES", {"fastavro": "no_such", "protobuf": "no.such"})

    [missing] = check_registry()

    assert (before, installed) == ([], [])
    assert (missing.id, missing.hint) == ("ingest.E004", "pip install 'eventscope[registry]'")
    assert missing.msg == "[brokers.main.registry] needs fastavro and protobuf."
