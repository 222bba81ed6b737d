"""The live hub: a 10 KB tick a second through a real broker and one web process to 1,000 sockets.

    python -m benchmarks.hub [--sockets 1000] [--ticks 20] [--long] [--json]

The clients are raw (no library), sign in, acknowledge every tick and run in a process of their own, as
browsers do; on two cores they take a good part of the one that the server leaves free. What is measured
is from just before PUBLISH until a client has read the whole message.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks._figures import quantile, show

ROOT = Path(__file__).resolve().parent.parent
BODY_BYTES = 10_000
EVERY = 1.0
HEAD = re.compile(rb'\{"type":"(\w+)","seq":(\d+),(?:"bench": (\d+), "at": (\d+))?')
SIGN_IN = """
import django; django.setup()
from django.test import Client
from dashboard.accounts.links import ensure_admin
from dashboard.live.publisher import ticks_channel
client = Client()
client.force_login(ensure_admin(), backend="django.contrib.auth.backends.ModelBackend")
print(client.cookies["sessionid"].value, ticks_channel())
"""


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        _measure(Path(folder), options)


def _measure(folder: Path, options: argparse.Namespace) -> None:
    from tests.servers import Valkey, free_port

    valkey = Valkey(folder).start()
    port = free_port()
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "EVENTSCOPE_DATA": str(folder),
        "EVENTSCOPE_LOG_LEVEL": "error",
        "REDIS_URL": valkey.url,
    }
    for alias in ("default", "events"):
        _run(environment, "manage.py", "migrate", "-v0", "--database", alias)
    cookie, channel = _run(environment, "-c", SIGN_IN).split()
    web = subprocess.Popen(
        [sys.executable, "-m", "daphne", "-p", str(port), "config.asgi:application"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        clients = Clients(port, cookie, valkey.url, channel, psutil.Process(web.pid))
        for name, value, unit in asyncio.run(clients.measure(options.sockets, options.ticks)):
            show(name, value, unit, as_json=options.json)
    finally:
        web.terminate()
        web.wait(timeout=20)
        valkey.stop()


class Clients:
    """Many sockets on one loop: reads frames as they come, acknowledges, notes how late each was."""

    def __init__(self, port: int, cookie: str, url: str, channel: str, web: psutil.Process) -> None:
        self.port, self.cookie, self.url, self.channel = port, cookie, url, channel
        self.web = web
        self.cpu = self.memory = 0.0
        self.delays: dict[int, list[float]] = {}
        self.ended = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def measure(self, sockets: int, ticks: int) -> list[tuple[str, float, str]]:
        import redis.asyncio

        await self._until_it_listens()
        opened: list[asyncio.StreamWriter] = []
        began = time.perf_counter()
        for start in range(0, sockets, 50):
            opened += await asyncio.gather(*(self._open() for _ in range(min(50, sockets - start))))
        opening = time.perf_counter() - began
        await asyncio.sleep(2)
        before = sum(self.web.cpu_times()[:2])
        async with redis.asyncio.Redis.from_url(self.url) as broker:
            for number in range(ticks):
                await broker.publish(self.channel, self._body(number))
                await asyncio.sleep(EVERY)
        await asyncio.sleep(1)
        self.memory = float(self.web.memory_info().rss)
        self.cpu = (sum(self.web.cpu_times()[:2]) - before) / ticks
        for writer in opened:
            writer.close()
        return self._figures(sockets, ticks, opening)

    def _figures(self, sockets: int, ticks: int, opening: float) -> list[tuple[str, float, str]]:
        every = sorted(delay for delays in self.delays.values() for delay in delays)
        last = sorted(max(delays) for delays in self.delays.values())
        return [
            ("hub: sockets opened", sockets / opening, "sockets/s"),
            ("hub: ticks that arrived, of all", len(every) / (sockets * ticks), ""),
            ("hub: sockets closed early", float(self.ended), ""),
            ("hub: CPU of the web process a tick", self.cpu * 1000, "ms"),
            ("hub: memory of the web process", self.memory / 1e6, "MB"),
            ("hub: broker to any socket, p50", quantile(every, 0.5) * 1000, "ms"),
            ("hub: broker to any socket, p99", quantile(every, 0.99) * 1000, "ms"),
            ("hub: broker to last socket, p50", quantile(last, 0.5) * 1000, "ms"),
            ("hub: broker to last socket, p99", quantile(last, 0.99) * 1000, "ms"),
        ]

    def _body(self, number: int) -> bytes:
        head = json.dumps({"bench": number, "at": time.time_ns(), "fill": ""})
        return (head[:-2] + "x" * (BODY_BYTES - len(head)) + '"}').encode()

    async def _open(self) -> asyncio.StreamWriter:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 20)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /ws/live/ HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Origin: http://127.0.0.1:{self.port}\r\nCookie: sessionid={self.cookie}\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b" 101 " in answer.split(b"\r\n")[0], answer
        task = asyncio.create_task(self._listen(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return writer

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Frames of a server are not masked; ours must be (RFC 6455 §5.2), and a zero mask is one."""
        try:
            while True:
                first, length = await reader.readexactly(2)
                if length == 126:
                    length = int.from_bytes(await reader.readexactly(2), "big")
                elif length == 127:
                    length = int.from_bytes(await reader.readexactly(8), "big")
                payload = await reader.readexactly(length)
                arrived = time.time_ns()
                if first & 0x0F == 8:
                    self.ended += 1
                    return
                if first & 0x0F == 1:
                    self._take(payload, arrived, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    def _take(self, payload: bytes, arrived: int, writer: asyncio.StreamWriter) -> None:
        head = HEAD.match(payload)
        assert head is not None, payload[:80]
        kind, seq, number, at = head.groups()
        ack = b'{"ack":%b}' % seq
        writer.write(bytes([0x81, 0x80 | len(ack), 0, 0, 0, 0]) + ack)
        if kind == b"tick" and number is not None:
            self.delays.setdefault(int(number), []).append((arrived - int(at)) / 1e9)

    async def _until_it_listens(self) -> None:
        deadline = time.monotonic() + 60
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


def _run(environment: dict[str, str], *words: str) -> str:
    command = [sys.executable, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--ticks", type=int, default=15)
    parser.add_argument("--long", action="store_true", help="60 ticks")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.ticks = 60 if options.long else options.ticks
    return options


if __name__ == "__main__":
    main()
