"""A schema registry over HTTP, as much of Confluent's REST API as serializers and readers use."""

from __future__ import annotations

import base64
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

__all__ = ["Registry"]


class Registry:
    """Keeps what is registered; ``mood`` makes it misbehave, ``asked`` are the paths it was asked for.

    Moods: ``well``, ``failing`` (500), ``silent`` (until the test ends), ``endless``, ``odd`` (no JSON).
    """

    def __init__(self, port: int = 0, account: tuple[str, str] | None = None) -> None:
        self.schemas: list[dict[str, Any]] = []
        self.subjects: dict[str, list[int]] = {}
        self.asked: list[str] = []
        self.mood = "well"
        self.account = account
        self.ended = threading.Event()
        registry = self

        class Handler(_Handler):
            pass

        Handler.registry = registry
        self._server = _Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def register(self, subject: str, told: dict[str, Any]) -> int:
        """The number of the schema, the same for the same one."""
        kept = {name: told[name] for name in ("schema", "schemaType", "references") if name in told}
        if kept not in self.schemas:
            self.schemas.append(kept)
        number = self.schemas.index(kept) + 1
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return number

    def stop(self) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asked may have left: that is what some moods are for."""


class _Handler(BaseHTTPRequestHandler):
    registry: Registry

    def do_GET(self) -> None:
        registry = self.registry
        registry.asked.append(self.path)
        if registry.mood == "silent":
            registry.ended.wait(300)
        if registry.mood == "endless":
            self._endless()
        elif registry.mood == "failing":
            self._answer(500, {"error_code": 50001, "message": "Error in the backend"})
        elif registry.mood == "odd":
            self._answer(200, ["no schema"])
        elif not self._known():
            self._answer(401, {"error_code": 401, "message": "Unauthorized"})
        else:
            self._found(urlsplit(self.path).path)

    def do_POST(self) -> None:
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        subject = unquote(urlsplit(self.path).path.split("/")[2])
        number = self.registry.register(subject, told)
        self._answer(200, self._version(subject, number))

    def _found(self, path: str) -> None:
        registry = self.registry
        if path == "/schemas/types":
            self._answer(200, ["JSON", "PROTOBUF", "AVRO"])
            return
        by_number = re.fullmatch(r"/schemas/ids/(\d+)", path)
        by_name = re.fullmatch(r"/subjects/([^/]+)/versions/(\d+|latest)", path)
        if by_number and 0 < int(by_number[1]) <= len(registry.schemas):
            self._answer(200, self._formed(registry.schemas[int(by_number[1]) - 1]))
        elif by_name and (versions := registry.subjects.get(unquote(by_name[1]))):
            at = -1 if by_name[2] == "latest" else int(by_name[2]) - 1
            self._answer(200, self._formed(self._version(unquote(by_name[1]), versions[at])))
        else:
            self._answer(404, {"error_code": 40403, "message": "Schema not found"})

    def _version(self, subject: str, number: int) -> dict[str, Any]:
        version = self.registry.subjects[subject].index(number) + 1
        kept = self.registry.schemas[number - 1]
        return {**kept, "subject": subject, "id": number, "version": version}

    def _formed(self, told: dict[str, Any]) -> dict[str, Any]:
        """Protobuf is told as text unless it is asked for serialized."""
        if told.get("schemaType") == "PROTOBUF" and "format=serialized" not in self.path:
            return {**told, "schema": 'syntax = "proto3";'}
        return told

    def _known(self) -> bool:
        if self.registry.account is None:
            return True
        expected = base64.b64encode(":".join(self.registry.account).encode()).decode()
        return self.headers.get("Authorization") == f"Basic {expected}"

    def _answer(self, status: int, told: Any) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while not self.registry.ended.is_set():
                self.wfile.write(b" " * 65536)
        except OSError:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""
