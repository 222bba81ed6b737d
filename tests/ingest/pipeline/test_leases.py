"""Leases: taken, shared, kept, lost; and the checkpoint that only its owner moves."""

from __future__ import annotations

import pytest
from django.db import transaction

from ingest import leases
from ingest.leases import Claimed, Fenced, Progress
from ingest.models import Gap, Lease, QuarantinedMessage, Stream
from ingest.options import BrokerOptions
from ingest.records import Batch, Position, Quarantined, Record, Slice
from ingest.sources.base import Loss

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NOW = 1_795_514_400.0
AT = 1_795_514_400_000


def make_streams(count: int) -> list[int]:
    leases.ensure_streams("main", [(f"topic-{n}", 0, False) for n in range(count)])
    return list(Stream.objects.order_by("id").values_list("id", flat=True))


def claim(owner: str, watched: list[int], *, now: float = NOW) -> list[Claimed]:
    return leases.claim_streams(owner, watched, lease=10, now=now)


def record(minor: int) -> Record:
    return Record(Position(AT, minor), AT, f"e{minor}", "T", "s", b"{}", 2)


def advance(owner: str, one: Claimed, *minors: int, losses: tuple[Loss, ...] = ()) -> None:
    records = [record(minor) for minor in minors]
    until = records[-1].position if records else one.position
    lost = sum(loss.lost for loss in losses)
    batch = Batch([Slice(one.stream, one.position, until, records, [], lost)], AT)
    made = Progress(one.fence, len(minors), 7, AT - 5, AT, losses)
    with transaction.atomic(using="events"):
        leases.advance(batch, owner, {one.stream.id: made}, lease=10, now=NOW)


# -- streams


def test_first_worker_takes_all_and_shares_with_the_second() -> None:
    watched = make_streams(5)

    assert len(claim("a", watched)) == 5
    assert claim("b", watched) == []
    assert len(claim("a", watched, now=NOW + 1)) == 3
    assert len(claim("b", watched, now=NOW + 1)) == 2


def test_streams_of_a_dead_worker_are_taken_when_its_lease_ends() -> None:
    watched = make_streams(4)
    claim("a", watched)

    assert claim("b", watched, now=NOW + 9.9) == []
    taken = claim("b", watched, now=NOW + 10.1)

    assert [one.stream.id for one in taken] == watched
    assert [one.fence for one in taken] == [2, 2, 2, 2]


def test_what_a_live_worker_leaves_alone_is_taken_beyond_the_share() -> None:
    """Another worker is there but does not take its part, as it watches other topics."""
    watched = make_streams(4)
    leases.acquire_named("worker:other", "other", lease=1000, now=NOW)
    Stream.objects.update(leased_until=NOW - 1)

    assert len(claim("a", watched)) == 2
    leases.renew_streams("a", lease=10, now=NOW + 9)
    assert len(claim("a", watched, now=NOW + 9.1)) == 4


def test_renewing_keeps_and_releasing_gives_at_once() -> None:
    watched = make_streams(2)
    claim("a", watched)

    assert leases.renew_streams("a", lease=10, now=NOW + 8) == 2
    assert claim("b", watched, now=NOW + 15) == []
    leases.release_streams("a")
    assert len(claim("b", watched, now=NOW + 10**9)) == 2


def test_only_topics_that_the_configuration_names_are_watched() -> None:
    leases.ensure_streams(
        "main", [("orders-one", 0, False), ("failed", 0, True), ("dropped", 0, False)]
    )
    leases.ensure_streams("other", [("orders-two", 0, False)])
    broker = BrokerOptions(topics=("orders-*",), dead_letter_topics=("failed",))

    watched = leases.watched_streams({"main": broker})

    topics = Stream.objects.filter(id__in=watched).values_list("topic", flat=True)
    assert sorted(topics) == ["failed", "orders-one"]


def test_topic_that_becomes_a_dead_letter_topic_is_told() -> None:
    leases.ensure_streams("main", [("failed", 0, False)])
    leases.ensure_streams("main", [("failed", 0, True)])

    assert list(Stream.objects.values_list("topic", "dead_letters")) == [("failed", True)]


# -- the checkpoint


def test_checkpoint_moves_with_its_counts() -> None:
    (one,) = claim("a", make_streams(1))

    advance("a", one, 1, 2, 3)

    row = Stream.objects.get()
    assert (row.major, row.minor, row.ordinal, row.stored, row.lag) == (AT, 3, 3, 3, 7)
    assert (row.newest_ms, row.observed_from_ms, row.observed_until_ms) == (AT, AT - 5, AT)


def test_newest_event_of_a_clock_that_is_ahead_is_as_new_as_what_is_observed() -> None:
    (one,) = claim("a", make_streams(1))
    ahead = record(1)
    ahead.appended_ms += 3_600_000
    batch = Batch([Slice(one.stream, one.position, ahead.position, [ahead], [], 0)], AT)
    made = Progress(one.fence, 1, 7, AT - 5, AT, ())
    with transaction.atomic(using="events"):
        leases.advance(batch, "a", {one.stream.id: made}, lease=10, now=NOW)

    assert Stream.objects.get().newest_ms == AT


def test_same_batch_twice_is_fenced() -> None:
    (one,) = claim("a", make_streams(1))
    advance("a", one, 1, 2)

    with pytest.raises(Fenced):
        advance("a", one, 1, 2)

    assert Stream.objects.get().stored == 2


@pytest.mark.parametrize("owner", ["a", "b"])
def test_worker_that_lost_its_lease_stores_nothing(owner: str) -> None:
    """Not even when it is the same worker that took it again meanwhile."""
    watched = make_streams(1)
    (late,) = claim("a", watched)
    claim(owner, watched, now=NOW + 11)
    if owner == "a":
        claim("b", watched, now=NOW + 22)

    with pytest.raises(Fenced):
        advance("a", late, 1)


def test_quarantined_messages_are_kept_with_their_reason() -> None:
    (one,) = claim("a", make_streams(1))
    item = Quarantined(Position(AT, 1), AT, "not JSON", b"\xff", b"", 1)
    part = Slice(one.stream, one.position, item.position, [], [item])
    made = {one.stream.id: Progress(one.fence, 1, 0, AT, AT)}

    leases.advance(Batch([part], AT), "a", made)

    assert list(QuarantinedMessage.objects.values_list("minor", "reason", "size")) == [
        (1, "not JSON", 1)
    ]
    assert Stream.objects.values_list("stored", "undecoded").get() == (0, 1)


def test_losses_that_follow_closely_are_one_gap_and_far_ones_two() -> None:
    (one,) = claim("a", make_streams(1))
    for after, from_ms in ((0, 1000), (5, 1900), (9, 9000)):
        loss = Loss(Position(after, 0), from_ms, from_ms + 500, 10)
        advance("a", one, losses=(loss,))

    gaps = Gap.objects.order_by("id").values_list("from_ms", "until_ms", "lost")
    assert list(gaps) == [(1000, 2400, 20), (9000, 9500, 10)]
    assert Stream.objects.get().lost == 30


def test_idle_streams_are_observed_but_never_backwards() -> None:
    (one,) = claim("a", make_streams(1))
    leases.observe("a", {one.stream.id: 5000})
    leases.observe("a", {one.stream.id: 4000})
    leases.observe("b", {one.stream.id: 9000})

    row = Stream.objects.get()
    assert (row.observed_from_ms, row.observed_until_ms, row.lag) == (5000, 5000, 0)


# -- named work


def test_named_work_has_one_owner_at_a_time() -> None:
    assert leases.acquire_named("compaction", "a", lease=10, now=NOW)
    assert leases.acquire_named("compaction", "a", lease=10, now=NOW + 5)
    assert not leases.acquire_named("compaction", "b", lease=10, now=NOW + 14)
    assert leases.acquire_named("compaction", "b", lease=10, now=NOW + 16)
    leases.release_named("compaction", "a")
    assert Lease.objects.get(name="compaction").owner == "b"
    leases.release_named("compaction", "b")
    assert leases.acquire_named("compaction", "c", lease=10, now=NOW + 16)
