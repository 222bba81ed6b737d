"""Whether the databases have their tables yet: told in one line, not in a traceback for each look."""

from __future__ import annotations

from django.db import connections
from django.db.utils import DatabaseError

from eventscope.errors import EventscopeError

__all__ = ["NotPrepared", "check_prepared"]


class NotPrepared(EventscopeError):
    """The database has no tables yet."""


def check_prepared(*aliases: str) -> None:
    """Raise `NotPrepared` for one of ``aliases`` that was never migrated; one that is away may be well."""
    for alias in aliases:
        try:
            tables = connections[alias].introspection.table_names()
        except DatabaseError:
            continue
        if "django_migrations" not in tables:
            raise NotPrepared(
                f"The database '{alias}' is not prepared. Run python manage.py up, or "
                "python manage.py migrate && python manage.py migrate --database events"
            )
