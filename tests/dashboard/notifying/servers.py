"""The other side of receivers: a real HTTP server and a real SMTP server on loopback."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
from aiosmtpd.controller import Controller

from tests.servers import free_port

__all__ = ["HttpSide", "MailSide", "Received", "http_side", "mail_side"]


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


@dataclass
class HttpSide:
    """What came, and what is answered: ``script`` one after the other, then 200."""

    port: int = 0
    received: list[Received] = field(default_factory=list)
    script: list[Any] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    """Slow answers end when the test does."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    side: HttpSide

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.side.received.append(Received(self.path, dict(self.headers.items()), body))
        answer = self.side.script.pop(0) if self.side.script else 200
        if answer == "close":
            self.close_connection = True
            return
        if answer == "silent":
            self.side.released.wait(30)
            return
        if answer == "drip":
            self._drip()
            return
        status, headers, text = answer if isinstance(answer, tuple) else (answer, {}, "said so")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    def _drip(self) -> None:
        """Headers that never end, a little every now and then."""
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            while not self.side.released.wait(0.05):
                self.wfile.write(b"X-Drip: 1\r\n")
        except OSError:
            return  # cut off, as it should be

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the screen."""


@contextmanager
def http_side() -> Iterator[HttpSide]:
    side = HttpSide()
    handler = type("Handler", (_Handler,), {"side": side})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    side.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield side
    finally:
        side.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class MailSide:
    """What came, and with what word each message is answered: ``script``, then a good one."""

    port: int = 0
    received: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    script: list[str] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.recipients.append(envelope.rcpt_tos)
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.received.append(message)  # type: ignore[arg-type]
        return self.script.pop(0) if self.script else "250 taken"


_MOMENT = 0.01
"""Seconds in which what was just accepted, or aborted, is seen to its end by the loop."""


class _MailController(Controller):
    """Hangs up before it stops: connections that are open then would never be closed."""

    def __init__(self, side: MailSide) -> None:
        self._made: list[Any] = []
        super().__init__(side, hostname="127.0.0.1", port=side.port)

    def factory(self) -> Any:
        self._made.append(super().factory())
        return self._made[-1]

    async def _hang_up(self) -> None:
        self.server.close()
        await asyncio.sleep(_MOMENT)
        for one in self._made:
            if one.transport is not None:
                one.transport.abort()
        await asyncio.sleep(_MOMENT)

    def stop(self, no_assert: bool = False) -> None:
        asyncio.run_coroutine_threadsafe(self._hang_up(), self.loop).result(60)
        super().stop(no_assert)


@contextmanager
def mail_side() -> Iterator[MailSide]:
    side = MailSide(free_port())
    controller = _MailController(side)
    controller.start()
    try:
        yield side
    finally:
        controller.stop()
