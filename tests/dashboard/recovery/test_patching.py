from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.recovery.patching import PatchError, apply_patch, read_patch

# The examples of RFC 6902, appendix A.
EXAMPLES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    (
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [
            {"op": "test", "path": "/baz", "value": "qux"},
            {"op": "test", "path": "/foo/1", "value": 2},
        ],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
        {"foo": "bar", "baz": "qux"},
    ),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    (
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
    ({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": 1, "b": 1}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    ({"": 1}, [{"op": "remove", "path": "/"}], {}),
]


@pytest.mark.parametrize(("value", "patch", "expected"), EXAMPLES)
def test_examples_of_the_standard(value: Any, patch: Any, expected: Any) -> None:
    before = copy.deepcopy(value)
    assert apply_patch(value, read_patch(patch)) == expected
    assert value == before


@pytest.mark.parametrize(
    ("value", "operation", "said"),
    [
        ({"a": 1}, {"op": "test", "path": "/a", "value": "1"}, "/a is not the value"),
        ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "/a is not the value"),
        ({"a": 1}, {"op": "add", "path": "/b/c", "value": 1}, "there is no 'b'"),
        ({"a": 1}, {"op": "add", "path": "/a/c", "value": 1}, "within no object"),
        ({"a": 1}, {"op": "remove", "path": "/b"}, "there is no 'b'"),
        ({"a": 1}, {"op": "replace", "path": "/b", "value": 1}, "there is no 'b'"),
        ({"a": [1]}, {"op": "add", "path": "/a/2", "value": 1}, "no place in a list"),
        ({"a": [1]}, {"op": "remove", "path": "/a/-"}, "no place in a list"),
        ({"a": [1]}, {"op": "remove", "path": "/a/01"}, "no place in a list"),
        ({"a": 1}, {"op": "remove", "path": ""}, "whole event"),
        ({"a": {}}, {"op": "copy", "from": "/x", "path": "/b"}, "there is no 'x'"),
    ],
)
def test_an_operation_that_does_not_fit_is_named(value: Any, operation: Any, said: str) -> None:
    with pytest.raises(PatchError) as caught:
        apply_patch(value, read_patch([operation]))
    assert str(caught.value).startswith("operation 1: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "a list of operations"),
        ([], "at least one"),
        ([1], "operation 1: an object"),
        ([{"op": "dance", "path": "/a"}], "op is one of"),
        ([{"op": "add", "path": "/a"}], "add needs a value"),
        ([{"op": "remove"}], "path is a pointer"),
        ([{"op": "remove", "path": "a"}], "path is a pointer"),
        ([{"op": "remove", "path": "/a~2"}], "written ~0"),
        ([{"op": "move", "path": "/a"}], "from is a pointer"),
        ([{"op": "move", "from": "/a", "path": "/a/b"}], "into itself"),
        ([{"op": "remove", "path": "/a"}] * 101, "101 operations"),
    ],
)
def test_what_is_no_patch_is_refused(told: Any, said: str) -> None:
    with pytest.raises(PatchError) as caught:
        read_patch(told)
    assert said in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("ab~/", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab~/", max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
OPERATIONS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "test", "move", "copy"]),
        "path": st.sampled_from(["", "/a", "/b", "/a/0", "/a/-", "/~0", "/~1", "/a/b"]),
        "from": st.sampled_from(["/a", "/b", "/a/0"]),
        "value": VALUES,
    }
)


@given(VALUES, st.lists(OPERATIONS, min_size=1, max_size=4))
def test_any_patch_gives_json_or_an_error_and_leaves_its_value_alone(
    value: Any, told: list[Any]
) -> None:
    before = json.dumps(value)
    try:
        patched = apply_patch(value, read_patch(told))
    except PatchError as error:
        assert "operation" in str(error)  # noqa: PT017
    else:
        assert json.loads(json.dumps(patched)) == patched
    assert json.dumps(value) == before
