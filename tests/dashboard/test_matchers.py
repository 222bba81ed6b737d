"""Matchers of labels: what they say, what they refuse, and that none takes long."""

from __future__ import annotations

import re
import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.matchers import LONGEST_MATCHED, Matcher, MatcherError, all_match, read_matcher

LABELS = {"severity": "critical", "service": "payment-service", "topic": "orders"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("severity = critical", True),
        ('severity="critical"', True),
        ("severity = warning", False),
        ("severity != warning", True),
        ("service = payment*", True),
        ("service = pay?ent-*", True),
        ("service != pay*", False),
        ("service =~ payment-service|order-service", True),
        ("service =~ payment", False),
        ("service !~ order-.*", True),
        ("topic =~ (orders|payments)", True),
        ("topic =~ a.*|b.*|c.*|o.*|e.*", True),
        ("topic =~ (?:o|p)rders?", True),
        ("owner =", True),
        ("owner != anna", True),
        ("owner =~ .+", False),
        ("service = payment.service", False),
    ],
)
def test_matcher_holds_as_it_reads(text: str, holds: bool) -> None:
    assert read_matcher(text).matches(LABELS) is holds


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is no matcher"),
        ("severity critical", "is no matcher"),
        ("1x = a", "is no matcher"),
        ("a = " + "x" * 201, "longer than 200"),
        ("a =~ (", "is no regular expression"),
        ("a =~ (a+)+", "may not be repeated"),
        ("a =~ (a|a){2,}", "may not be repeated"),
        ("a =~ .*.*.*.*", "at most 3"),
        ("a =~ x|a?a?a?a?aaaa", "at most 3"),
        ("a =~ (a|a)(a|a)(a|a)(a|a)", "at most 3"),
        ("a =~ (a|.*b.*c.*d)", "at most 3"),
        ("a =~ (?=x)x", "of groups only"),
        (r"a =~ (.)\1", "references back"),
    ],
)
def test_what_is_no_matcher_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(MatcherError, match=re.escape(why)):
        read_matcher(text)


def test_a_class_or_an_escape_may_hold_what_is_refused_bare() -> None:
    assert read_matcher(r"a =~ [*+?(]\+\*\{x").matches({"a": "?+*{x"})


def test_the_slowest_expression_is_done_soon_on_the_longest_value() -> None:
    matcher = read_matcher("a =~ .*a.*a.*b")
    begun = time.process_time()
    assert not matcher.matches({"a": "a" * 5 * LONGEST_MATCHED})
    assert time.process_time() - begun < 5


def test_none_hold_for_anything_and_all_must_hold() -> None:
    one, other = read_matcher("severity = critical"), read_matcher("topic = payments")
    assert all_match([], LABELS)
    assert all_match([one], LABELS)
    assert not all_match([one, other], LABELS)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_globs_are_those_of_the_shell(value: str, text: str) -> None:
    assert Matcher("x", "=", value).matches({"x": text}) is fnmatchcase(text, value)


@given(st.text("ab", min_size=1, max_size=8), st.text("ab", max_size=8))
def test_an_operator_and_its_opposite_never_agree(value: str, text: str) -> None:
    for one, other in (("=", "!="), ("=~", "!~")):
        read = [read_matcher(f"x {operator} {value}") for operator in (one, other)]
        assert read[0].matches({"x": text}) is not read[1].matches({"x": text})


def test_a_matcher_reads_back_as_it_is_written() -> None:
    for text in ("severity = critical", "a !~ x|y", "owner ="):
        assert str(read_matcher(text)) == text
        assert read_matcher(str(read_matcher(text))) == read_matcher(text)
