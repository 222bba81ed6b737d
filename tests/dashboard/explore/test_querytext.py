from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.explore.fields import Names
from dashboard.explore.outcomes import OUTCOMES
from dashboard.explore.querytext import (
    QueryTextError,
    complete,
    format_query_text,
    parse_query_text,
)

NOW = 1_800_000_000_000
INDEXED = ("payload.orderId", "payload.customerId")
NAMES = Names(
    types=("ORDER_CREATED", "ORDER_SHIPPED", "PAYMENT_PROCESSED"),
    consumers=("inventory", "mail room"),
    kinds=("order",),
    paths=INDEXED,
)


def parse(text: str) -> list[tuple[str, str]]:
    return parse_query_text(text, now_ms=NOW, indexed=INDEXED)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", []),
        ("  type:ORDER_*  ", [("type", "ORDER_*")]),
        ("type:A,B type:C", [("type", "A"), ("type", "B"), ("type", "C")]),
        ("-type:A !source:b", [("type", "!A"), ("source", "!b")]),
        ("type:!A", [("type", "!A")]),
        ('consumer:"mail room",b', [("consumer", "mail room"), ("consumer", "b")]),
        ("payload.customerId:CUST_456", [("payload.customerId", "CUST_456")]),
        ('payload.orderId:"a \\"b\\" c"', [("payload.orderId", 'a "b" c')]),
        ("payload.orderId:a,b:c>d", [("payload.orderId", "a,b:c>d")]),
        ("outcome:failed,dead_lettered", [("outcome", "failed"), ("outcome", "dead_lettered")]),
        ("since:1h duration:>2s", [("since", "1h"), ("duration", ">2s")]),
        (
            "correlation:c trace:t causation:k",
            [("correlationId", "c"), ("traceId", "t"), ("causationId", "k")],
        ),
        ("correlationid:c event:e", [("correlationId", "c"), ("id", "e")]),
        ('"free words" more -less', [("q", "free words"), ("q", "more"), ("q", "-less")]),
        ('"type:A"', [("q", "type:A")]),
        ('"/regex/"', [("q", "/regex/")]),
        ("entity:order:ORD_1", [("entity", "order:ORD_1")]),
        ("id:a/b/c", [("id", "a/b/c")]),
    ],
)
def test_text_becomes_the_parameters_of_the_url(text: str, pairs: list[tuple[str, str]]) -> None:
    assert parse(text) == pairs


@pytest.mark.parametrize(
    ("text", "marked", "word"),
    [
        ("type:A colour:red", "colour", "no field colour"),
        ("tpye:A", "tpye", "did you mean type?"),
        ("payload.customerid:A", "payload.customerid", "did you mean payload.customerId?"),
        ('type:A source:"order', '"order', "unbalanced quote"),
        ('type:ORDER"', '"', "unbalanced quote"),
        ('"a"b', "b", "space must follow"),
        ("type:A source:/ord.*/", "/ord.*/", "regular expressions"),
        ("/ord.*/", "/ord.*/", "regular expressions"),
        ("since:99999-01-01", "99999-01-01", "not a time"),
        ("type:A until:9999-01-01", "9999-01-01", "1970 to 2199"),
        ("outcome:fialed", "fialed", "did you mean failed?"),
        ("duration:>soon", ">soon", "not a duration"),
        ("entity:order", "order", "kind:id"),
        ("type:", "type:", "needs a value"),
        ("type:A,", "type:A,", "needs a value"),
        ("id:a id:b", "b", "more than once"),
        ("since:1h until:2h", "1h", "earlier than until"),
        ("range:1h since:2h", "1h", "cannot be joined"),
        ("-id:a", "-", "cannot be left out"),
        ("type=A", "=", "with a colon"),
        ("duration>2s", ">", "write duration:>2s"),
        ('type:"A,B"', '"A,B"', "comma"),
        ("id:" + "x" * 600, "x" * 600, "longer than 512"),
    ],
)
def test_what_is_not_understood_is_pointed_at(text: str, marked: str, word: str) -> None:
    with pytest.raises(QueryTextError, match="at character") as error:
        parse(text)

    assert text[error.value.at : error.value.at + error.value.length] == marked
    assert word in error.value.reason
    assert error.value.place == "query"


def test_query_of_ten_kilobytes_is_refused_at_what_is_too_much() -> None:
    with pytest.raises(QueryTextError, match="4096") as error:
        parse("x" * 10_240)
    assert (error.value.at, error.value.length) == (4096, 10_240 - 4096)


_TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40)
_VALUE = _TEXT.map(str.strip).filter(bool)
_NAME = _VALUE.filter(
    lambda value: (
        "," not in value and value.lstrip("!").strip() == value.lstrip("!") and value.lstrip("!")
    )
)
_PAIRS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["type", "source", "topic", "consumer"]), _NAME),
        st.tuples(st.just("outcome"), st.sampled_from(OUTCOMES)),
        st.tuples(st.sampled_from(INDEXED), _VALUE),
        st.tuples(st.just("q"), _VALUE),
    ),
    max_size=8,
)


@given(
    _PAIRS,
    st.fixed_dictionaries(
        {},
        optional={
            "id": _VALUE,
            "correlationId": _VALUE,
            "key": _VALUE,
            "since": st.sampled_from(["1h", "90m", "2026-11-24T10:00:00Z"]),
            "duration": st.sampled_from([">2s", "500ms"]),
            "order": st.sampled_from(["newest", "oldest"]),
        },
    ),
)
def test_whatever_is_written_reads_as_it_was(
    pairs: list[tuple[str, str]], single: dict[str, str]
) -> None:
    asked = [*pairs, *single.items()]

    assert parse(format_query_text(asked, indexed=INDEXED)) == asked


@given(_TEXT)
def test_any_text_is_read_or_refused_within_it(text: str) -> None:
    pairs, refused = [], range(1)
    try:
        pairs = parse(text)
    except QueryTextError as error:
        refused = range(error.at, error.at + error.length)

    assert refused
    assert refused.start <= len(text)
    assert parse(format_query_text(pairs, indexed=INDEXED)) == pairs


def test_parameters_of_a_form_are_written_value_by_value() -> None:
    written = format_query_text(
        [("type", "A, !B"), ("columns", "time"), ("q", "no stock")], indexed=INDEXED
    )
    assert written == 'type:A -type:B "no stock"'


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("", "type:"),
        ("ty", "type:"),
        ("-so", "-source:"),
        ("cust", "payload.customerId:"),
        ("type:ord", "ORDER_CREATED"),
        ("type:ORDER_*", "ORDER_CREATED"),
        ("type:A,pay", "PAYMENT_PROCESSED"),
        ("consumer:mail", '"mail room"'),
        ('consumer:"mail', '"mail room"'),
        ("outcome:dead", "dead_lettered"),
        ("entity:", "order:"),
        ("since:", "5m"),
        ("duration:", ">100ms"),
    ],
)
def test_completion_proposes_what_fits_at_the_caret(text: str, first: str) -> None:
    found = complete(text, len(text), NAMES)

    assert found[0].text == first
    done = text[: found[0].at] + found[0].text + text[found[0].at + found[0].length :]
    assert done.endswith(first)
    assert done.startswith(text[: found[0].at])


@pytest.mark.parametrize("text", ["nosuch:a", '"free te', "type:ORDER_CREATED "])
def test_completion_proposes_no_value_where_none_is_known(text: str) -> None:
    assert [one for one in complete(text, len(text), NAMES) if one.kind == "value"] == []


def test_completion_replaces_only_what_stands_before_the_caret_of_a_value() -> None:
    found = complete("type:ORD source:x", 8, NAMES)
    assert (found[0].at, found[0].length) == (5, 3)
