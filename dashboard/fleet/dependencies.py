"""Who depends on a component, and on what it depends, as their own words tell. Pure.

A service that reports a component depends on it; so does a component among whose checks it is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.folds.health_words import worst_status
from ingest.models import HealthComponent

__all__ = ["Dependencies", "Dependency", "dependencies_of"]

MOST = 100


@dataclass(frozen=True)
class Dependency:
    """``known``: it is a component itself, with a page of its own."""

    name: str
    kind: str
    status: str
    output: str = ""
    known: bool = False


@dataclass(frozen=True)
class Dependencies:
    """``needs`` are the checks of the component, ``needed_by`` services and components; by name."""

    needs: list[Dependency]
    needed_by: list[Dependency]

    @property
    def services(self) -> list[str]:
        return [one.name for one in self.needed_by if one.kind == "service"]


def dependencies_of(component: str, rows: Iterable[HealthComponent]) -> Dependencies:
    """From every row that is known, of every component."""
    every = list(rows)
    names = {row.component for row in every}
    own = [row for row in every if row.component == component]
    checks = _by_name(check for row in own for check in _checks(row))
    needs = [
        Dependency(
            name, "check", worst_status(check[1] for check in told), told[0][2], name in names
        )
        for name, told in checks.items()
        if name != component
    ]
    services = {row.service for row in own if row.service and not row.probed}
    above = {
        row.component: row.status
        for row in every
        if row.component != component and component in {check[0] for check in _checks(row)}
    }
    needed_by = [Dependency(name, "service", _of_service(name, own)) for name in services]
    needed_by += [Dependency(name, "component", above[name], known=True) for name in above]
    return Dependencies(_ordered(needs), _ordered(needed_by))


def _checks(row: HealthComponent) -> list[tuple[str, str, str]]:
    """Name, status and output of what the row names."""
    return [
        (str(check["name"]), str(check.get("status") or ""), str(check.get("output") or ""))
        for check in row.checks
        if isinstance(check, dict) and check.get("name")
    ]


def _by_name(checks: Iterable[tuple[str, str, str]]) -> dict[str, list[tuple[str, str, str]]]:
    found: dict[str, list[tuple[str, str, str]]] = {}
    for check in checks:
        found.setdefault(check[0], []).append(check)
    return found


def _of_service(service: str, own: Iterable[HealthComponent]) -> str:
    return worst_status(row.status for row in own if row.service == service)


def _ordered(found: list[Dependency]) -> list[Dependency]:
    return sorted(found, key=lambda one: (one.kind, one.name))[:MOST]
