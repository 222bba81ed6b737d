"""ClickHouse's HTTP interface over the embedded engine: as much of it as ``clickhouse-connect`` speaks.

    python -m tests.clickhouse_server FOLDER PORT

The engine is real; one statement runs at a time. Settings come as parameters of the address and count for
the one statement.
"""

from __future__ import annotations

import re
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import lz4.frame

_NO_SETTINGS = frozenset(
    [
        "query",
        "database",
        "default_format",
        "session_id",
        "session_check",
        "session_timeout",
        "query_id",
        "compress",
        "decompress",
        "enable_http_compression",
        "http_zlib_compression_level",
        "wait_end_of_query",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close",
        "client_protocol_version",
        "role",
        "user",
        "password",
        "buffer_size",
    ]
)
_CODE = re.compile(r"Code: (\d+)")
_FORMAT = re.compile(r"\bFORMAT\s+(\w+)\s*$", re.IGNORECASE)


class Embedded:
    """The engine on a folder, one statement at a time."""

    def __init__(self, folder: str) -> None:
        self._connection = chdb.connect(folder)
        self._lock = threading.Lock()

    def answer(self, statement: bytes, parameters: dict[str, str]) -> bytes:
        settings = {name: text for name, text in parameters.items() if name not in _NO_SETTINGS}
        named = _FORMAT.search(statement[:100_000].decode("utf-8", "replace"))
        format = named.group(1) if named else parameters.get("default_format", "TabSeparated")
        with self._lock:
            database = parameters.get("database")
            self._connection.query(f"USE {database or 'default'}")
            for name, text in settings.items():
                self._connection.query(f"SET {name} = '{text}'")
            try:
                result = self._run(statement, format)
            finally:
                for name in settings:
                    self._connection.query(f"SET {name} = DEFAULT")
        return result

    def _run(self, statement: bytes, format: str) -> bytes:
        """What is inserted goes by a file: within a statement the engine would cut it."""
        head, _, data = statement.partition(b"FORMAT Native\n")
        if not (head.startswith(b"INSERT") and data):
            return self._connection.query(statement, format).bytes() or b""
        with tempfile.NamedTemporaryFile(suffix=".native") as file:
            file.write(data)
            file.flush()
            source = f"FROM INFILE '{file.name}' FORMAT Native".encode()
            self._connection.query(head + source, "TabSeparated")
        return b""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    engine: Embedded

    def do_GET(self) -> None:
        self._respond(200, b"Ok.\n")

    def do_POST(self) -> None:
        parameters = dict(parse_qsl(urlsplit(self.path).query))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = self._chunks()
        if self.headers.get("Content-Encoding") == "lz4":
            body = _unpacked(body)
        query = parameters.get("query", "").encode()
        statement = query + b"\n" + body if query and body else query or body
        try:
            self._respond(200, self.engine.answer(statement, parameters))
        except Exception as error:  # noqa: BLE001 (told to the client, as the server does)
            code = _CODE.search(str(error))
            told = {"X-ClickHouse-Exception-Code": code.group(1)} if code else {}
            self._respond(500, str(error).encode(), told)

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _respond(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silent."""


def _unpacked(body: bytes) -> bytes:
    """Of every frame, as the client packs each block by itself."""
    parts = []
    while body:
        frame = lz4.frame.LZ4FrameDecompressor()
        parts.append(frame.decompress(body))
        body = frame.unused_data
    return b"".join(parts)


def main() -> None:
    Handler.engine = Embedded(sys.argv[1])
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()


if __name__ == "__main__":
    main()
