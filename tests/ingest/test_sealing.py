from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import Position
from ingest.sealing import BadKey, Keyring, open_text, place_of, read_keys

OLD, NEW = bytes(range(32)), bytes(range(32, 64))
HERE = place_of("orders-topic", Position(7, 0))
THERE = place_of("orders-topic", Position(7, 1))


def quoted(token: bytes) -> bytes:
    return b'"' + token + b'"'


@given(st.binary(max_size=300))
def test_whatever_is_sealed_opens_again_at_its_place(value: bytes) -> None:
    keyring = Keyring([NEW])
    assert open_text(quoted(keyring.seal(value, HERE)), HERE, keyring).text == value


def test_a_token_copied_into_another_message_does_not_open() -> None:
    keyring = Keyring([NEW])
    copied = quoted(keyring.seal(b"4111", HERE))

    found = open_text(copied, THERE, keyring)

    assert (found.text, found.opened, found.locked) == (copied, 0, ())


def test_after_rotation_the_old_key_opens_and_the_new_one_seals() -> None:
    before = Keyring([OLD]).seal(b'"a"', HERE)
    rotated = Keyring([NEW, OLD])
    after = rotated.seal(b'"b"', HERE)

    body = b'{"x":' + quoted(before) + b',"y":' + quoted(after) + b"}"

    assert open_text(body, HERE, rotated) == (b'{"x":"a","y":"b"}', 2, ())
    assert open_text(body, HERE, Keyring([NEW])).locked == (rotated.ids[1],)


def test_the_same_value_is_never_sealed_the_same_and_always_blinded_the_same() -> None:
    keyring = Keyring([NEW, OLD])
    assert keyring.seal(b"1", HERE) != keyring.seal(b"1", HERE)
    assert keyring.blinds("1") == [keyring.blind("1"), Keyring([OLD]).blind("1")]


@pytest.mark.parametrize(
    "text",
    [
        base64.b64encode(NEW).decode(),
        base64.urlsafe_b64encode(NEW).decode(),
        base64.b64encode(NEW).decode().rstrip("="),
        NEW.hex(),
    ],
)
def test_keys_are_read_as_they_are_commonly_written(text: str) -> None:
    assert read_keys([text]) == [NEW]


@pytest.mark.parametrize(
    "text", ["secret", "a" * 44, base64.b64encode(b"short").decode(), "é" * 43]
)
def test_what_is_no_key_is_refused_by_its_number(text: str) -> None:
    with pytest.raises(BadKey, match="Key 2"):
        read_keys([NEW.hex(), text])


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(BadKey, match="EVENTSCOPE_ENCRYPTION_KEYS"):
        Keyring([]).seal(b"x", HERE)
