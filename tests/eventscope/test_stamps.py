"""Ids and times."""

from __future__ import annotations

import os
import re
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventscope.stamps import default_instance, format_ms, new_event_id, parse_ms


def test_event_ids_sort_in_the_order_in_which_they_were_made() -> None:
    ids = [new_event_id() for _ in range(5_000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == 5_000
    assert re.fullmatch(r"evt_[0-9a-f]{32}", ids[0])


def test_event_ids_of_threads_do_not_collide() -> None:
    ids: list[str] = []
    work = [
        threading.Thread(target=lambda: ids.extend(new_event_id() for _ in range(2_000)))
        for _ in range(4)
    ]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()

    assert len(set(ids)) == 8_000


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_does_not_repeat_its_parents_ids() -> None:
    new_event_id()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, "\n".join(new_event_id() for _ in range(200)).encode())
        os._exit(0)
    mine = {new_event_id() for _ in range(200)}
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        theirs = set(pipe.read().split())

    assert len(theirs) == 200
    assert mine & theirs == set()


@given(st.integers(0, 253402300799999))
def test_time_is_iso_8601_with_milliseconds_and_reads_back(ms: int) -> None:
    text = format_ms(ms)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert parse_ms(text) == ms


def test_time_agrees_with_the_calendar() -> None:
    moment = datetime(2026, 11, 24, 10, 0, 0, 123_000, tzinfo=UTC)

    assert format_ms(round(moment.timestamp() * 1000)) == "2026-11-24T10:00:00.123Z"


@pytest.mark.parametrize("text", ["", "yesterday", "2024-04-03T10:00:00", "1712138400"])
def test_time_without_zone_or_sense_is_none(text: str) -> None:
    assert parse_ms(text) is None


def test_instances_of_one_process_have_names_of_their_own() -> None:
    assert default_instance() != default_instance()
