"""What an admin allows or forbids for the whole house, on the settings page. Everything is off until then."""

from __future__ import annotations

import time
from typing import NamedTuple

from django.db import transaction

from dashboard.accounts import audit
from dashboard.accounts.models import Switch

__all__ = ["EDITING", "KNOWN", "Shown", "is_on", "list_switches", "set_switch"]

EDITING = "edit-letters"
KNOWN: dict[str, tuple[str, str]] = {
    EDITING: (
        "Editing of dead letters",
        "Operators may change a failed event and send it as a new one, caused by the old.",
    ),
}
"""Name → what it is called, what it allows."""


class Shown(NamedTuple):
    """A switch as the page has it; ``changed_ms`` is None as long as nobody touched it."""

    name: str
    label: str
    text: str
    on: bool
    changed_by: str
    changed_ms: int | None


def is_on(name: str) -> bool:
    return Switch.objects.filter(name=name, on=True).exists()


def list_switches() -> list[Shown]:
    """All that there are, in one query."""
    rows = Switch.objects.in_bulk()
    return [
        Shown(
            name,
            label,
            text,
            on=name in rows and rows[name].on,
            changed_by=rows[name].changed_by if name in rows else "",
            changed_ms=rows[name].changed_ms if name in rows else None,
        )
        for name, (label, text) in KNOWN.items()
    ]


def set_switch(name: str, *, on: bool, by: object) -> bool:
    """Whether it was changed by this; audited if so. Raises KeyError for one that there is not."""
    label, _ = KNOWN[name]
    with transaction.atomic():
        Switch.objects.bulk_create([Switch(name=name)], ignore_conflicts=True)
        changed = Switch.objects.filter(name=name, on=not on).update(
            on=on, changed_by=audit.name_of(by), changed_ms=time.time_ns() // 1_000_000
        )
        if changed:
            action = "switch.on" if on else "switch.off"
            audit.record(actor=by, action=action, subject=name, detail={"label": label})
    return bool(changed)
