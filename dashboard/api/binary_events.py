"""A CloudEvent in the binary mode of HTTP, as the structured event that it is. Pure.

Attributes stand in ``ce-`` headers, percent-encoded; the body is the data:
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from dashboard.api.drafts import DraftError

__all__ = ["structured_body"]

PREFIX = "ce-"


def structured_body(headers: Mapping[str, str], body: bytes) -> bytes:
    """The body of the same event in structured mode; ``body`` itself where no ``ce-specversion`` is told.

    Raises `DraftError` when the data are said to be JSON and are not.
    """
    told = {name.lower(): value for name, value in headers.items()}
    if "ce-specversion" not in told:
        return body
    event: dict[str, Any] = {
        name.removeprefix(PREFIX): unquote(value)
        for name, value in told.items()
        if name.startswith(PREFIX)
    }
    kind = told.get("content-type", "")
    if kind:
        event["datacontenttype"] = kind
    return msgspec.json.encode(event | (_data(kind, body) if body else {}))


def _data(kind: str, body: bytes) -> dict[str, Any]:
    media = kind.partition(";")[0].strip().lower()
    if media in ("", "application/json", "text/json") or media.endswith("+json"):
        try:
            return {"data": msgspec.json.decode(body)}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise DraftError(None, "body", f"not JSON: {error}") from error
    try:
        return {"data": body.decode()}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(body).decode()}
