"""The socket of CONTRACT §5: who may listen, and what a listener may say."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import orjson
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from dashboard.accounts.models import Role
from dashboard.accounts.rights import allows
from dashboard.live.feed import Feed
from dashboard.live.hub import Full, Hub, Member
from dashboard.live.publisher import ticks_url
from dashboard.live.sessions import NOT_ALLOWED, NOT_SIGNED_IN, Session

__all__ = ["LiveConsumer", "SameOrigin", "same_origin"]

FULL = 4013
NOT_UNDERSTOOD = 4400
LONGEST_MESSAGE = 200
RESYNC_EVERY = 1.0


class LiveConsumer(AsyncWebsocketConsumer):
    """One signed-in page that listens. Refusals are said by close code, so accepted first."""

    member: Member | None = None
    resynced = 0.0

    async def connect(self) -> None:
        await self.accept()
        user = self.scope.get("user")
        if user is None or not user.is_authenticated:
            await self.close(NOT_SIGNED_IN, "sign in first")
        elif not allows(user, Role.VIEWER):
            await self.close(NOT_ALLOWED, "no right to look")
        else:
            await self._join(Session(self.scope["session"].session_key, user.pk))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.member is None:
            return
        message = _read(text_data)
        if message is None:
            await self.close(NOT_UNDERSTOOD, 'expected {"ack": seq} or {"resync": true}')
            return
        ack = message.get("ack")
        if isinstance(ack, int):
            await self.member.acknowledge(ack)
        if message.get("resync") is True and time.monotonic() - self.resynced > RESYNC_EVERY:
            self.resynced = time.monotonic()
            await _hub().send_snapshot(self.member)

    async def disconnect(self, code: int) -> None:
        member, self.member = self.member, None
        if member is not None:
            await _hub().leave(member)

    async def _join(self, session: Session) -> None:
        member = Member(self._send_text, self.close, session)
        self.member = member
        try:
            await _hub().join(member)
        except Full:
            self.member = None
            limit = settings.DASHBOARD.web.max_connections
            await self.close(FULL, f"this process has its {limit} sockets (web.max_connections)")

    async def _send_text(self, text: str) -> None:
        await self.send(text_data=text)


class SameOrigin:
    """Refuses, before anything is accepted, a handshake that does not come from our own pages."""

    def __init__(self, application: Any) -> None:
        self.application = application

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name.lower(): value for name, value in scope.get("headers", ())}
        origin = headers.get(b"origin", b"").decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        if same_origin(origin, host):
            return await self.application(scope, receive, send)
        return await send({"type": "websocket.close", "code": NOT_ALLOWED})


def same_origin(origin: str, host: str) -> bool:
    """Whether the page at ``origin`` was served by ``host``; no origin is not ours.

    Which hosts are ours is Django's ALLOWED_HOSTS, which every page was served under.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    domain, _ = split_domain_port(host)
    if parts.scheme not in ("http", "https") or not domain:
        return False
    default = {"http": "80", "https": "443"}[parts.scheme]
    mine, theirs = host.removesuffix(f":{default}"), parts.netloc.removesuffix(f":{default}")
    return mine.lower() == theirs.lower() and validate_host(domain, settings.ALLOWED_HOSTS)


def _hub() -> Hub:
    return Hub.of_this_loop(
        lambda: Hub(Feed(ticks_url()), limit=settings.DASHBOARD.web.max_connections)
    )


def _read(text: str | None) -> dict[str, Any] | None:
    if text is None or len(text) > LONGEST_MESSAGE:
        return None
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return message if isinstance(message, dict) else None
