"""What results make of a component: pure."""

from __future__ import annotations

from dashboard.monitor.verdicts import Standing, next_standing


def play(results: str, threshold: int = 3) -> list[tuple[str, int, int]]:
    words = {"h": "healthy", "u": "unhealthy", "d": "degraded", "?": "unknown"}
    standing, found = Standing(), []
    for second, letter in enumerate(results):
        standing = next_standing(standing, words[letter], threshold=threshold, now_ms=second)
        found.append((standing.status[0], standing.since_ms, standing.failures))
    return found


def test_unhealthy_only_after_the_threshold_in_a_row() -> None:
    assert play("huuuu") == [("h", 0, 0), ("d", 1, 1), ("d", 1, 2), ("u", 3, 3), ("u", 3, 4)]


def test_one_good_result_heals_and_counts_anew() -> None:
    assert play("huuhuu")[-3:] == [("h", 3, 0), ("d", 4, 1), ("d", 4, 2)]


def test_threshold_of_one_is_at_once() -> None:
    assert play("hu", threshold=1)[-1] == ("u", 1, 1)
