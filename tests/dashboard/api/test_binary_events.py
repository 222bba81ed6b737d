from __future__ import annotations

import json

import pytest

from dashboard.api.binary_events import structured_body
from dashboard.api.drafts import DraftError

HEADERS = {"Ce-Specversion": "1.0", "Ce-Id": "ce_1", "Ce-Source": "/shop", "Ce-Type": "T%20%C3%BC"}
EVENT = {"specversion": "1.0", "id": "ce_1", "source": "/shop", "type": "T ü"}


@pytest.mark.parametrize(
    ("kind", "body", "data"),
    [
        ("", b"", {}),
        ("", b'{"a": 1}', {"data": {"a": 1}}),
        ("application/json; charset=utf-8", b"[1]", {"data": [1]}),
        ("application/vnd.shop+json", b'"x"', {"data": "x"}),
        ("application/xml", b"<a/>", {"data": "<a/>"}),
        ("application/octet-stream", b"\xff", {"data_base64": "/w=="}),
    ],
)
def test_headers_are_attributes_and_the_body_is_the_data(
    kind: str, body: bytes, data: dict[str, object]
) -> None:
    told = {"datacontenttype": kind} if kind else {}
    assert json.loads(structured_body({**HEADERS, "Content-Type": kind}, body)) == {
        **EVENT,
        **told,
        **data,
    }


def test_any_other_body_is_left_as_it_is() -> None:
    assert structured_body({"Content-Type": "application/json"}, b"{") == b"{"


def test_data_that_are_no_json_though_they_say_so_are_refused() -> None:
    with pytest.raises(DraftError, match="body: not JSON"):
        structured_body({**HEADERS, "Content-Type": "application/json"}, b"{")
