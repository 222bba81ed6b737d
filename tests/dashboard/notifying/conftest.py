"""Receivers with their other sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import pytest
from django.conf import LazySettings

from dashboard.options import AlertOptions
from dashboard.receiver_options import check_receivers
from ingest.options import decode_options
from tests.dashboard.notifying.servers import HttpSide, MailSide, http_side, mail_side

Configure = Callable[..., AlertOptions]


@pytest.fixture
def http() -> Iterator[HttpSide]:
    with http_side() as side:
        yield side


@pytest.fixture
def mail(settings: LazySettings) -> Iterator[MailSide]:
    with mail_side() as side:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", side.port
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.DEFAULT_FROM_EMAIL = "Eventscope <eventscope@example.com>"
        yield side


@pytest.fixture
def configure(settings: LazySettings) -> Configure:
    """``[alerts]`` as plain TOML data, with the secrets of its receivers by name."""

    def configure(
        alerts: Mapping[str, Any], secrets: Mapping[str, str] | None = None
    ) -> AlertOptions:
        given = {"smtp": {"host": "mail.example.com"}, **alerts}
        options: AlertOptions = decode_options(given, AlertOptions, file="eventscope.toml")
        check_receivers(options, secrets or {}, file="eventscope.toml")
        settings.DASHBOARD = msgspec.structs.replace(settings.DASHBOARD, alerts=options)
        settings.RECEIVER_SECRETS = dict(secrets or {})
        settings.PUBLIC_URL = "https://eventscope.example"
        return options

    return configure
