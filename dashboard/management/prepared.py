"""What every command that reads or writes the databases asks first."""

from __future__ import annotations

from django.core.management.base import CommandError

from ingest import prepared

__all__ = ["check_prepared"]


def check_prepared() -> None:
    """Raise `CommandError` where a database was never migrated."""
    try:
        prepared.check_prepared("default", "events")
    except prepared.NotPrepared as error:
        raise CommandError(str(error)) from error
