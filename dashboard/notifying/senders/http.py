"""One POST: bounded in time and size, to allowed addresses only, redirects not followed."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

import orjson
from django.conf import settings

from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.addresses import connect, is_public
from dashboard.notifying.senders.errors import DeliveryError
from dashboard.notifying.senders.waiting import asked_pause_s

__all__ = ["Answer", "post_json"]

TIMEOUT_S = 10.0
MOST_ANSWER = 16 * 1024
LONGEST_TOLD = 200
REFUSED_FOR_GOOD = frozenset({400, 405, 413, 415, 422})
"""The message itself is not wanted; a wrong key or address (401, 403, 404) may be mended meanwhile."""


class Answer(NamedTuple):
    status: int
    text: str


@dataclass(frozen=True)
class _Way:
    """How to get there."""

    url: SplitResult
    private: bool
    targets: Sequence[str]


def post_json(
    receiver: ConfiguredReceiver, url: str, body: object, headers: Mapping[str, str] | None = None
) -> Answer:
    """POST ``body`` (bytes as they are, else as JSON). Raises `DeliveryError` unless it is answered 2xx.

    The address is never in the words of an error, for it may be a secret; its host is.
    """
    alerts = settings.DASHBOARD.alerts
    way = _Way(urlsplit(url), receiver.options.private, alerts.targets)
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    told = {
        "Content-Type": "application/json",
        "User-Agent": "Eventscope",
        "Connection": "close",
        **(headers or {}),
    }
    answer, more = _exchange(way, data, told)
    if 300 <= answer.status < 400:
        place = urljoin(url, more.get("Location", ""))
        raise DeliveryError(_redirected(receiver, answer.status, place))
    if not 200 <= answer.status < 300:
        said = f": {answer.text[:LONGEST_TOLD]}" if answer.text else ""
        for_good = answer.status in REFUSED_FOR_GOOD
        raise DeliveryError(
            f"{way.url.hostname} answered {answer.status}{said}",
            for_good=for_good,
            pause_s=asked_pause_s(more.get("Retry-After", ""), time.time()),
        )
    return answer


def _exchange(
    way: _Way, data: bytes, headers: Mapping[str, str]
) -> tuple[Answer, Mapping[str, str]]:
    """The answer and its headers; the whole exchange takes `TIMEOUT_S` at most."""
    connection = _Guarded(way)
    late = threading.Event()
    watch = threading.Timer(TIMEOUT_S, _cut, (connection, late))
    watch.daemon = True
    watch.start()
    try:
        path = (way.url.path or "/") + (f"?{way.url.query}" if way.url.query else "")
        connection.request("POST", path, body=data, headers=dict(headers))
        response = connection.getresponse()
        text = response.read(MOST_ANSWER).decode("utf-8", "replace").strip()
        if late.is_set():  # an answer that was cut reads like one that has ended
            raise TimeoutError
        return Answer(response.status, text), response.headers
    except DeliveryError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        if late.is_set() or isinstance(error, TimeoutError):
            words = f"did not answer within {TIMEOUT_S:g} s"
        else:
            words = f"could not be told: {str(error) or type(error).__name__}"
        raise DeliveryError(f"{way.url.hostname} {words}") from error
    finally:
        watch.cancel()
        connection.close()


class _Guarded(http.client.HTTPConnection):
    """Connects to addresses that were looked at; the certificate is checked against the name."""

    def __init__(self, way: _Way) -> None:
        self._secure = way.url.scheme == "https"
        self._way = way
        super().__init__(str(way.url.hostname), way.url.port or (443 if self._secure else 80))

    def connect(self) -> None:
        plain = connect(
            self.host,
            self.port,
            private=self._way.private,
            targets=self._way.targets,
            timeout=TIMEOUT_S,
        )
        self.sock = plain
        if self._secure:
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(plain, server_hostname=self.host)


def _cut(connection: _Guarded, late: threading.Event) -> None:
    """A server that drips must not hold us longer than one that is silent."""
    late.set()
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has ended by itself meanwhile


def _redirected(receiver: ConfiguredReceiver, status: int, location: str) -> str:
    host = urlsplit(location).hostname or "nowhere"
    inside = "" if _looks_public(host) else ", a private address"
    return (
        f"Answered {status}, a redirect to {host}{inside}. Redirects are not followed: "
        f"give the receiver {receiver.name} the address where its messages are taken."
    )


def _looks_public(host: str) -> bool:
    try:
        return is_public(host)
    except ValueError:
        return host != "localhost" and not host.endswith(".localhost")
