"""Schemas over the REST API that Confluent's registry, Karapace, Apicurio and Redpanda speak.

https://docs.confluent.io/platform/current/schema-registry/develop/api.html
"""

from __future__ import annotations

import time
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import urllib3

from ingest.options import RegistryOptions
from ingest.registry.errors import RegistryAway, UnknownSchema

__all__ = ["MOST_ANSWER", "Client", "Reference", "Told"]

MOST_ANSWER = 1024 * 1024
_PIECE = 64 * 1024
_SERIALIZED = "format=serialized"


class Reference(msgspec.Struct, frozen=True):
    """Another schema that this one builds on; ``name`` is what it calls it."""

    name: str
    subject: str
    version: int


class Told(msgspec.Struct, frozen=True, rename="camel"):
    """A schema as the registry tells it. Avro is what goes without saying."""

    schema: str
    schema_type: str = "AVRO"
    references: tuple[Reference, ...] = ()


class Client:
    """Asks one registry; every call raises `UnknownSchema` or `RegistryAway`, and names no secret."""

    def __init__(self, options: RegistryOptions) -> None:
        self._options = options
        self._timeout = float(options.timeout)
        parts = urlsplit(options.url)
        self.place = f"the schema registry at {parts.netloc}"

    def schema(self, number: int) -> Told:
        """The schema of that number; of Protobuf its compiled descriptor in base64."""
        return self._told(f"/schemas/ids/{number}", f"schema {number}")

    def reference(self, wanted: Reference) -> Told:
        path = f"/subjects/{quote(wanted.subject, safe='')}/versions/{wanted.version}"
        return self._told(path, f"{wanted.subject} {wanted.version}")

    def kinds(self) -> list[str]:
        """The kinds of schemas that it keeps; [] where it does not say."""
        status, body = self._get("/schemas/types", self._timeout)
        if status in (401, 403):
            raise RegistryAway(f"{self.place} refuses the account ({status})")
        if status >= 500:
            raise RegistryAway(f"{self.place} answered {status}")
        try:
            return msgspec.json.decode(body, type=list[str]) if status == 200 else []
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return []

    def _told(self, path: str, what: str) -> Told:
        told = self._asked(path, what)
        if told.schema_type == "PROTOBUF":
            return self._asked(f"{path}?{_SERIALIZED}", what)
        return told

    def _asked(self, path: str, what: str, *, within: float | None = None) -> Told:
        """Within some seconds, those of the options if none are told."""
        status, body = self._get(path, min(self._timeout, within or self._timeout))
        if status == 404:
            raise UnknownSchema(f"{self.place} knows no {what}")
        if status != 200:
            why = " (refuses the account)" if status in (401, 403) else ""
            raise RegistryAway(f"{self.place} answered {status}{why}")
        try:
            return msgspec.json.decode(body, type=Told)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise RegistryAway(f"{self.place} answered what is no schema: {error}") from error

    def _get(self, path: str, within: float) -> tuple[int, bytes]:
        """Status and body; redirects are not followed, as the account would be sent along."""
        until = time.monotonic() + within
        try:
            response = self._pool.request(
                "GET",
                self._options.url.rstrip("/") + path,
                headers=self._headers,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=within, read=within),
            )
            try:
                return response.status, self._read(response, until, within)
            finally:
                response.close()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise RegistryAway(f"{self.place} does not answer: {_words(error)}") from error

    def _read(self, response: urllib3.BaseHTTPResponse, until: float, within: float) -> bytes:
        body = b""
        while piece := response.read1(_PIECE):
            body += piece
            if len(body) > MOST_ANSWER:
                raise RegistryAway(f"{self.place} answered more than {MOST_ANSWER} bytes")
            if time.monotonic() > until:
                raise RegistryAway(f"{self.place} did not end its answer in {within:g} s")
        return body

    @cached_property
    def _headers(self) -> dict[str, str]:
        options = self._options
        told = {"Accept": "application/vnd.schemaregistry.v1+json, application/json"}
        if options.username:
            account = f"{options.username}:{options.password}"
            told |= urllib3.make_headers(basic_auth=account)
        return told

    @cached_property
    def _pool(self) -> urllib3.PoolManager:
        if self._options.ca_file:
            return urllib3.PoolManager(maxsize=2, ca_certs=self._options.ca_file)
        return urllib3.PoolManager(maxsize=2)


def _words(error: Any) -> str:
    """urllib3 begins with the object that failed, which says nothing."""
    return str(error).rpartition(">: ")[2] or type(error).__name__
