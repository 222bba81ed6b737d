"""When an instance was away, from its starts and stops."""

from __future__ import annotations

import pytest

from ingest.models import ServiceEvent
from ingest.queries.absences import absences_of, read_absences


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ([], []),
        ([("stopped", 10)], []),
        ([("started", 10)], []),
        ([("started", 5), ("stopped", 10), ("started", 30)], [(10, 30)]),
        ([("stopped", 10), ("stopped", 12), ("started", 30), ("started", 40)], [(10, 30)]),
        ([("stopped", 1), ("started", 2), ("stopped", 3), ("started", 4)], [(1, 2), (3, 4)]),
    ],
)
def test_an_absence_is_from_a_stop_to_the_next_start(
    signs: list[tuple[str, int]], expected: list[tuple[int, int]]
) -> None:
    assert absences_of(signs) == expected


@pytest.mark.django_db(databases=["default", "events"])
def test_absences_are_by_instance_of_the_services_asked_for() -> None:
    for service, instance, kind, at_ms in (
        ("pay", "1", "stopped", 10),
        ("pay", "2", "stopped", 20),
        ("pay", "2", "error", 25),
        ("pay", "1", "started", 30),
        ("pay", "2", "started", 40),
        ("ship", "1", "stopped", 10),
    ):
        ServiceEvent.objects.create(service=service, instance=instance, kind=kind, at_ms=at_ms)

    assert read_absences({"pay"}, since_ms=0) == {
        ("pay", "1"): [(10, 30)],
        ("pay", "2"): [(20, 40)],
    }
    assert read_absences({"pay"}, since_ms=15) == {("pay", "1"): [], ("pay", "2"): [(20, 40)]}
