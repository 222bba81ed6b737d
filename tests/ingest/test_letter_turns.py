"""On PostgreSQL those who change letters take turns, so that none waits for another crosswise."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest
from django.db import connections, transaction

from ingest.letter_counts import counts_are_right
from ingest.models import DeadLetter, LetterCell, Stream
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    postgres_database,
    postgres_options,
    postgres_server,
)

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("postgres_database")]

SECONDS = 90
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


class Writer(threading.Thread):
    """Discards ``letters`` one after the other in one transaction, with a rest after the first."""

    def __init__(self, letters: Sequence[DeadLetter], *, rests: bool = False) -> None:
        super().__init__(daemon=True)
        self.letters = letters
        self.began, self.go_on = threading.Event(), threading.Event()
        self.error: Exception | None = None
        if not rests:
            self.go_on.set()

    def run(self) -> None:
        try:
            self._write()
        except Exception as error:  # noqa: BLE001 (told by the test)
            self.error = error
        finally:
            connections["events"].close()

    def _write(self) -> None:
        with transaction.atomic(using="events"):
            for letter in self.letters:
                DeadLetter.objects.filter(pk=letter.pk).update(status="discarded")
                self.began.set()
                self.go_on.wait(SECONDS)


def stored_letters(types: Sequence[str]) -> list[DeadLetter]:
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    return DeadLetter.objects.bulk_create(
        DeadLetter(
            stream=stream,
            major=1,
            minor=number,
            received_ms=1_800_000_000_000,
            event_id=f"evt_{number}",
            event_type=kind,
            event=b"{}",
        )
        for number, kind in enumerate(types)
    )


def wait_until_somebody_waits() -> None:
    deadline = time.monotonic() + SECONDS
    with connections["events"].cursor() as cursor:
        while cursor.execute(WAITING).fetchone() == (0,):
            assert time.monotonic() < deadline, "nobody waits"
            time.sleep(0.02)


@pytest.mark.parametrize("crosswise", [(3, 2), (1, 0)], ids=["same cells", "same letters"])
def test_two_writers_that_would_wait_for_each_other_go_one_after_the_other(
    crosswise: tuple[int, int],
) -> None:
    letters = stored_letters(("FIRST", "SECOND", "FIRST", "SECOND"))
    one = Writer(letters[:2], rests=True)
    other = Writer([letters[number] for number in crosswise])

    one.start()
    assert one.began.wait(SECONDS)
    other.start()
    wait_until_somebody_waits()
    one.go_on.set()
    for writer in (one, other):
        writer.join(SECONDS)

    assert (one.error, other.error) == (None, None)
    discarded = DeadLetter.objects.filter(status="discarded").count()
    assert discarded == len({0, 1, *crosswise})
    assert sum(LetterCell.objects.values_list("discarded", flat=True)) == discarded
    assert counts_are_right(connections["events"])
