"""The socket of CONTRACT §5, over the real application."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.models import Session as StoredSession
from django.test import Client
from pytest_django.fixtures import Settings

from config.asgi import application
from dashboard.accounts.models import Role, User
from dashboard.live import consumer, feed, hub, ranking
from dashboard.live.consumer import same_origin
from tests.dashboard.accounts.factories import client_of, make_user
from tests.dashboard.live.seeding import Seeder

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)

WAIT = 60
OURS = (b"origin", b"http://testserver"), (b"host", b"testserver")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Redis, so ticks are made here; no wait for the right moment of the second."""
    monkeypatch.setattr(consumer, "ticks_url", lambda: "")
    monkeypatch.setattr(feed, "until_tick", lambda now: 0.05)
    ranking.forget()


def cookie_of(client: Client) -> bytes:
    return b"sessionid=" + client.cookies["sessionid"].value.encode()


async def signed_in(role: Role = Role.VIEWER) -> Client:
    return await database_sync_to_async(lambda: client_of(make_user(role)))()


@asynccontextmanager
async def socket(
    client: Client | None, headers: tuple[tuple[bytes, bytes], ...] = OURS
) -> AsyncIterator[WebsocketCommunicator]:
    cookies = ((b"cookie", cookie_of(client)),) if client else ()
    communicator = WebsocketCommunicator(application, "/ws/live/", headers=[*headers, *cookies])
    try:
        yield communicator
    finally:
        await communicator.disconnect()


async def closing(communicator: WebsocketCommunicator, *, within: float = WAIT) -> dict[str, Any]:
    """The close message, ticks before it passed over."""
    while True:
        message: dict[str, Any] = await communicator.receive_output(within)
        if message["type"] == "websocket.close":
            return message


async def test_a_snapshot_then_ticks_in_sequence() -> None:
    async with socket(await signed_in()) as page:
        assert (await page.connect())[0] is True
        snapshot = await page.receive_json_from(WAIT)
        await page.send_json_to({"ack": snapshot["seq"]})
        tick = await page.receive_json_from(WAIT)

    assert (snapshot["type"], tick["type"]) == ("snapshot", "tick")
    assert tick["seq"] == snapshot["seq"] + 1
    assert snapshot["status"]["word"] == "Waiting for the first event"


async def test_what_is_stored_is_in_the_next_tick() -> None:
    now = int(time.time()) * 1000
    seeder = await database_sync_to_async(lambda: Seeder(now - 60_000))()

    def store() -> int:
        second: int = int(time.time()) * 1000 - 1000
        seeder.add(second, 7)
        seeder.observe(second + 6000)
        return second

    async with socket(await signed_in()) as page:
        await page.connect()
        await page.receive_json_from(WAIT)
        stored = await database_sync_to_async(store)()
        tick = await page.receive_json_from(WAIT)
        while not tick["status"]["stored"]:
            await page.send_json_to({"ack": tick["seq"]})
            tick = await page.receive_json_from(WAIT)

    second = tick["times"].index(stored)
    assert tick["known"][second] == 1
    assert tick["by"][""][""]["p"][second] == 7
    assert tick["by"]["consumer"]["inventory"]["n"][second] == 7


async def test_somebody_not_signed_in_is_closed_with_4401() -> None:
    async with socket(None) as page:
        await page.connect()
        assert (await closing(page))["code"] == 4401


async def test_somebody_without_a_right_is_closed_with_4403() -> None:
    client = await signed_in()
    await database_sync_to_async(lambda: User.objects.update(role="nobody"))()
    async with socket(client) as page:
        await page.connect()
        assert (await closing(page))["code"] == 4403


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"host", b"testserver"),),
        ((b"origin", b"http://evil.example"), (b"host", b"testserver")),
        ((b"origin", b"http://testserver:81"), (b"host", b"testserver")),
        ((b"origin", b"http://evil.example"), (b"host", b"evil.example")),
        ((b"origin", b"null"), (b"host", b"testserver")),
    ],
)
async def test_another_origin_is_refused_before_anything_is_accepted(
    headers: tuple[tuple[bytes, bytes], ...],
) -> None:
    async with socket(await signed_in(), headers) as page:
        assert (await page.connect())[0] is False


@pytest.mark.parametrize(
    ("origin", "host", "ours"),
    [
        ("http://testserver", "testserver", True),
        ("https://testserver", "testserver:443", True),
        ("http://testserver:8000", "testserver:8000", True),
        ("http://TESTSERVER", "testserver", True),
        ("ftp://testserver", "testserver", False),
        ("http://testserver.evil.example", "testserver", False),
        ("http://testserver@evil.example", "testserver", False),
        ("", "", False),
        ("http://[", "testserver", False),
    ],
)
def test_only_our_own_pages_are_our_origin(origin: str, host: str, ours: bool) -> None:
    assert same_origin(origin, host) is ours


async def test_signing_out_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "SWEEP", 0.05)
    client = await signed_in()
    other = await database_sync_to_async(lambda: client_of(make_user(username="other")))()
    async with socket(client) as page, socket(other) as stays:
        await page.connect()
        await stays.connect()
        await page.receive_json_from(WAIT)
        await database_sync_to_async(client.logout)()
        closed = await closing(page)
        await stays.receive_json_from(WAIT)
        await stays.send_json_to({"ack": 10**6})
        assert (await stays.receive_json_from(WAIT))["type"] == "tick"

    assert (closed["code"], closed["reason"]) == (4401, "signed out")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda: StoredSession.objects.update(expire_date="2020-01-01T00:00:00Z"), 4401),
        (lambda: User.objects.update(is_active=False), 4403),
        (lambda: User.objects.update(role="nobody"), 4403),
        (lambda: User.objects.update(password="changed"), 4401),
        (lambda: User.objects.all().delete(), 4401),
    ],
)
async def test_a_session_that_ends_otherwise_closes_it_too(
    monkeypatch: pytest.MonkeyPatch, change: Any, code: int
) -> None:
    monkeypatch.setattr(hub, "SWEEP", 0.05)
    async with socket(await signed_in()) as page:
        await page.connect()
        await page.receive_json_from(WAIT)
        await database_sync_to_async(change)()
        assert (await closing(page))["code"] == code


async def test_one_socket_too_many_is_told_why(settings: Settings) -> None:
    web = msgspec.structs.replace(settings.DASHBOARD.web, max_connections=1)
    settings.DASHBOARD = msgspec.structs.replace(settings.DASHBOARD, web=web)
    client = await signed_in()
    async with socket(client) as first, socket(client) as second:
        await first.connect()
        await first.receive_json_from(WAIT)
        await second.connect()
        closed = await closing(second)
        assert (await first.receive_json_from(WAIT))["type"] == "tick"

    assert closed["code"] == 4013
    assert "web.max_connections" in closed["reason"]


async def test_a_resync_is_answered_with_a_snapshot() -> None:
    async with socket(await signed_in()) as page:
        await page.connect()
        first = await page.receive_json_from(WAIT)
        await page.send_json_to({"ack": first["seq"], "resync": True})
        kinds = [(await page.receive_json_from(WAIT))["type"] for _ in range(3)]

    assert "snapshot" in kinds


@pytest.mark.parametrize("text", ["[]", "{", '"x"', "\u0000", "9" * 1000, '{"ack": ' + "[" * 90])
async def test_what_is_not_understood_closes_the_socket_with_4400(text: str) -> None:
    async with socket(await signed_in()) as page:
        await page.connect()
        await page.receive_json_from(WAIT)
        await page.send_to(text_data=text)
        assert (await closing(page))["code"] == 4400
