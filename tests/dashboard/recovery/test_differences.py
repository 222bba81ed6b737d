from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.recovery import differences
from dashboard.recovery.differences import difference

WORDS = st.lists(st.sampled_from("abcd"), max_size=30)


def test_a_changed_line_stands_with_its_surroundings() -> None:
    before = "\n".join("abcdefgh")
    after = before.replace("e", "E")

    assert [
        (line.kind, line.before, line.after, line.text) for line in difference(before, after)
    ] == [
        ("same", 2, 2, "b"),
        ("same", 3, 3, "c"),
        ("same", 4, 4, "d"),
        ("removed", 5, None, "e"),
        ("added", None, 5, "E"),
        ("same", 6, 6, "f"),
        ("same", 7, 7, "g"),
        ("same", 8, 8, "h"),
    ]


def test_the_same_text_differs_nowhere() -> None:
    assert difference("a\nb", "a\nb") == []


@given(WORDS, WORDS)
def test_removed_and_added_lines_lead_from_one_text_to_the_other(
    old: list[str], new: list[str]
) -> None:
    lines = difference("\n".join(old), "\n".join(new))

    removed = {line.before for line in lines if line.kind == "removed"}
    added = {line.after for line in lines if line.kind == "added"}
    kept_old = [text for at, text in enumerate(old, 1) if at not in removed]
    kept_new = [text for at, text in enumerate(new, 1) if at not in added]
    assert kept_old == kept_new
    for line in lines:
        if line.kind != "gap":
            assert line.before is None or old[line.before - 1] == line.text
            assert line.after is None or new[line.after - 1] == line.text


def test_a_long_rewrite_is_told_without_aligning_it() -> None:
    size = differences.MOST_COMPARED + 1
    old, new = "\n".join(f"a{at}" for at in range(size)), "\n".join(f"b{at}" for at in range(size))

    lines = difference(old, new)

    assert len(lines) == differences.MOST_TOLD + 1
    assert lines[-1].kind == "gap"
