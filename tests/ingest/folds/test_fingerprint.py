"""Alike failures have one fingerprint, different ones have two."""

from __future__ import annotations

import pytest

from ingest.folds.fingerprint import fingerprint, frames_of, normalise

PYTHON = """Traceback (most recent call last):
  File "/srv/app/main.py", line {line}, in handle
    await charge(order)
  File "/srv/app/{place}/payment.py", line 88, in charge
    raise Refused
"""
JAVA = """java.lang.IllegalStateException: no stock
\tat com.shop.Stock.take(Stock.java:{line})
\tat com.shop.Handler$${number}.run(Handler.java:14)
"""
DOTNET = """System.TimeoutException: late
   at Shop.Payments.Charge(Order order) in /src/Payments.cs:line {line}
"""
NODE = """Error: refused
    at chargeCard (/app/src/payment.js:{line}:17)
    at async handle (/app/src/main.js:5:3)
"""
GO = """goroutine {number} [running]:
runtime/debug.Stack()
\t/usr/local/go/src/runtime/debug/stack.go:24 +0x5e
panic({{0x10a, 0xc000}})
\t/usr/local/go/src/runtime/panic.go:770 +0x132
main.(*Stock).Take(0xc0000b2000, {{0xc0000140a0, 0x{number}}})
\t/srv/stock/stock.go:{number} +0x1b
github.com/shop/bus.Handle(...)
\t/srv/bus/bus.go:12
created by main.main in goroutine 1
\t/srv/main.go:9 +0x3a
"""


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Order ORD_789 not found", "Order # not found"),
        ("timeout after 5000ms (attempt 3/5)", "timeout after # (attempt #)"),
        ("customer 6f1d3c1e-8f0e-4b7e-9f57-0c3a5b8c9d10 unknown", "customer <id> unknown"),
        ("connect to 10.0.3.17:5432 failed", "connect to <address> failed"),
        ("connect to [fe80::1:2:3]:6379 failed", "connect to <address> failed"),
        ("object at 0x7f3a1b2c", "object at <hex>"),
        ("at 2026-11-24T10:00:00.123Z it broke", "at <time> it broke"),
        ("at 2026-11-24 10:00:00,123 it broke", "at <time> it broke"),
        ("GET https://pay.example/v1/charge?id=7 gave 503", "GET <url> gave #"),
        ("no mail for jo.doe+x@example.com", "no mail for <email>"),
        ("amount 12.50 > 10,00", "amount # > #"),
        ("key deadbeefcafebabe is gone", "key # is gone"),
        ("  two\n lines\t here ", "two lines here"),
        ("nothing to take out", "nothing to take out"),
        ("a facade of decades", "a facade of decades"),
        ("", ""),
    ],
)
def test_numbers_ids_places_and_times_are_taken_out(message: str, expected: str) -> None:
    assert normalise(message) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Refused", "order 17 refused", ""), ("Refused", "order 4711 refused", "")),
        (
            ("Refused", "no", PYTHON.format(line=12, place="v1")),
            ("Refused", "no", PYTHON.format(line=99, place="v2")),
        ),
        (
            ("ISE", "no stock", JAVA.format(line=1, number=3)),
            ("ISE", "no stock", JAVA.format(line=70, number=12)),
        ),
        (("T", "late", DOTNET.format(line=3)), ("T", "late", DOTNET.format(line=44))),
        (("E", "refused", NODE.format(line=3)), ("E", "refused", NODE.format(line=44))),
        (("P", "nil map", GO.format(number=7)), ("P", "nil map", GO.format(number=31))),
        (("E", "x", "odd trace 17\nline 4"), ("E", "x", "odd trace 18\nline 5")),
    ],
)
def test_alike_failures_have_one_fingerprint(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert fingerprint(*one) == fingerprint(*other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Refused", "no", ""), ("Timeout", "no", "")),
        (("Refused", "no card", ""), ("Refused", "no money", "")),
        (
            ("Refused", "no", PYTHON.format(line=1, place="v1")),
            ("Refused", "no", PYTHON.format(line=1, place="v1").replace("charge", "refund")),
        ),
    ],
)
def test_different_failures_have_different_fingerprints(
    one: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assert fingerprint(*one) != fingerprint(*other)


def test_frames_are_the_innermost_functions_without_lines() -> None:
    assert frames_of(PYTHON.format(line=1, place="v1")) == ["main.py:handle", "payment.py:charge"]
    assert frames_of(JAVA.format(line=1, number=3)) == [
        "com.shop.Stock.take",
        "com.shop.Handler.run",
    ]
    assert frames_of(NODE.format(line=1)) == ["chargeCard", "handle"]
    assert frames_of(DOTNET.format(line=1)) == ["Shop.Payments.Charge"]
    assert frames_of(GO.format(number=1)) == [
        "main.(*Stock).Take",
        "github.com/shop/bus.Handle",
        "main.main",
    ]


def test_a_fingerprint_is_stable_across_releases() -> None:
    """Changing it splits every group that stands; then say so in the changelog."""
    found = fingerprint("Refused", "order 17 refused", PYTHON.format(line=1, place="v1"))

    assert found == "72b3709157a5da459442f6a70c2e2c51"
    assert fingerprint("", "", "") == ""


@pytest.mark.parametrize(
    "message", ["9" * 1_000_000, "a1:" * 300_000, "f:" * 400_000, "@" * 500_000]
)
def test_a_hostile_message_is_normalised_quickly(message: str) -> None:
    assert len(normalise(message)) <= 400


@pytest.mark.parametrize("stack", ["(" * 1_000_000, "a(\n\t" * 200_000, "\n\tx.go:1" * 200_000])
def test_a_hostile_stack_is_read_quickly(stack: str) -> None:
    assert len(frames_of(stack)) <= 3
