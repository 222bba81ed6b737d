from __future__ import annotations

import msgspec
import pytest
from pytest_django.fixtures import Settings

from ingest.checks import check_encryption
from ingest.options import PrivacyOptions

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
