"""A small RESP2 client that hands replies over raw.

redis-py turns every stream entry into a dictionary, which costs more than all that follows; and it
has no bound on the size of a reply. Here hiredis parses, and a reply beyond the bound is abandoned.
"""

from __future__ import annotations

import socket
import ssl
from typing import Any

import hiredis
from redis.connection import parse_url

from ingest.sources.base import BrokerError, BrokerGone

__all__ = ["Command", "ReplyTooLarge", "RespClient"]

Command = tuple[bytes | str | int, ...]
_CHUNK = 512 * 1024


class ReplyTooLarge(BrokerError):
    """A reply was larger than allowed, and the connection was given up."""


class RespClient:
    """One connection, made on first use and again after every failure."""

    def __init__(self, url: str, *, timeout: float = 10.0) -> None:
        try:
            self._place: dict[str, Any] = dict(parse_url(url))  # type: ignore[no-untyped-call]
        except ValueError as error:
            raise BrokerError(f"not a Redis URL: {error}") from error
        self._secure = url.startswith("rediss://")
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._reader = hiredis.Reader()
        self._buffer = bytearray(_CHUNK)

    def call(self, *command: bytes | str | int) -> Any:
        """The reply to one command; raises `BrokerError` for an error reply."""
        reply = self.calls([command])[0]
        if isinstance(reply, hiredis.ReplyError):
            raise BrokerError(str(reply))
        return reply

    def calls(
        self, commands: list[Command], *, wait: float = 0.0, max_bytes: int | None = None
    ) -> list[Any]:
        """Replies to a pipeline, error replies among them as `hiredis.ReplyError`.

        ``wait`` is how long the server may block by right, on top of the timeout.
        """
        connection = self._connected()
        try:
            connection.settimeout(self._timeout + wait)
            connection.sendall(_packed(commands))
            return self._replies(connection, len(commands), max_bytes)
        except (OSError, hiredis.HiredisError) as error:
            self.close()
            raise BrokerGone(f"{self.address}: {error}") from error

    @property
    def address(self) -> str:
        """Where the broker is, without user and password."""
        place = self._place
        return str(
            place.get("path") or f"{place.get('host', 'localhost')}:{place.get('port', 6379)}"
        )

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._reader = hiredis.Reader()

    def _replies(self, connection: socket.socket, count: int, max_bytes: int | None) -> list[Any]:
        replies: list[Any] = []
        received = 0
        while len(replies) < count:
            reply = self._reader.gets()
            if reply is not False:
                replies.append(reply)
                continue
            size = connection.recv_into(self._buffer)
            if not size:
                raise ConnectionResetError("the broker closed the connection")
            received += size
            if max_bytes is not None and received > max_bytes:
                self.close()
                raise ReplyTooLarge(f"more than {max_bytes} bytes in one reply")
            self._reader.feed(self._buffer, 0, size)  # type: ignore[arg-type]
        return replies

    def _connected(self) -> socket.socket:
        if self._socket is None:
            try:
                self._socket = self._open()
                self._greet(self._socket)
            except (OSError, hiredis.HiredisError) as error:
                self.close()
                raise BrokerGone(f"{self.address}: {error}") from error
        return self._socket

    def _open(self) -> socket.socket:
        place = self._place
        if "path" in place:
            local = socket.socket(socket.AF_UNIX)
            local.settimeout(self._timeout)
            local.connect(place["path"])
            return local
        address = (place.get("host", "localhost"), int(place.get("port", 6379)))
        plain = socket.create_connection(address, timeout=self._timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return self._wrapped(plain) if self._secure else plain

    def _wrapped(self, plain: socket.socket) -> socket.socket:
        place = self._place
        context = ssl.create_default_context(cafile=place.get("ssl_ca_certs"))
        if place.get("ssl_cert_reqs") == "none":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if place.get("ssl_certfile"):
            context.load_cert_chain(place["ssl_certfile"], place.get("ssl_keyfile"))
        return context.wrap_socket(plain, server_hostname=place.get("host", "localhost"))

    def _greet(self, connection: socket.socket) -> None:
        place = self._place
        greeting: list[Command] = []
        if place.get("password"):
            user = [place["username"]] if place.get("username") else []
            greeting.append(("AUTH", *user, place["password"]))
        if place.get("db"):
            greeting.append(("SELECT", int(place["db"])))
        greeting.append(("PING",))
        connection.sendall(_packed(greeting))
        for reply in self._replies(connection, len(greeting), None):
            if isinstance(reply, hiredis.ReplyError):
                self.close()
                raise BrokerGone(f"{self.address}: {reply}")


def _packed(commands: list[Command]) -> bytes:
    return b"".join(hiredis.pack_command(command) for command in commands)  # type: ignore[arg-type]
