"""Partitions and scaling advice."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventscope.partitions import Load, ScalingRules, murmur2, partition_of, scaling_advice


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("21", -973932308),
        ("foobar", -790332482),
        ("a-little-bit-long-string", -985981536),
        ("a-little-bit-longer-string", -1486304829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        ("abc", 479470107),
    ],
)
def test_hash_is_that_of_kafkas_own_partitioner(key: str, value: int) -> None:
    assert murmur2(key.encode()) == value & 0xFFFFFFFF


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(1, 1000))
def test_every_key_has_one_partition_within_bounds(key: str, partitions: int) -> None:
    assert 0 <= partition_of(key, partitions) < partitions
    assert partition_of(key, partitions) == partition_of(key, partitions)


def test_keys_spread_over_the_partitions() -> None:
    counts = Counter(partition_of(f"ORD_{number}", 12) for number in range(12_000))

    assert len(counts) == 12
    assert max(counts.values()) < 1.2 * min(counts.values())


def test_no_partition_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 partition"):
        partition_of("ORD_1", 0)


@pytest.mark.parametrize(
    ("load", "instances", "reason"),
    [
        (Load(2), 2, "the least that is allowed suffices"),
        (Load(2, backlog=4_500), 5, "backlog of 4500"),
        (Load(4, cpu=90.0), 6, "cpu at 90.0 %"),
        (Load(4, backlog=3_000, memory=100.0), 5, "memory at 100.0 %"),
        (
            Load(2, backlog=50_000),
            10,
            "backlog of 50000 wants 50; there are 10 instances",
        ),
        (
            Load(2, backlog=9_000, partitions=4),
            4,
            "backlog of 9000 wants 9; there are 4 partitions",
        ),
    ],
)
def test_advice_follows_the_rule_that_asks_for_most(
    load: Load, instances: int, reason: str
) -> None:
    assert scaling_advice(ScalingRules(), load) == (instances, reason)
