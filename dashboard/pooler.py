"""PostgreSQL behind a pooler that lends a connection for a transaction, such as PgBouncer.

Nothing that a session would keep is asked of such a connection: the pooler sets it once, on each that it
opens. Both halves of the product are on the one search path; no table but Django's own of migrations is in both
schemas, and that one says the same in both.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import OperationalError
from django.db.backends.signals import connection_created

__all__ = ["connect_query", "look_at_first_connection", "refuse_to_migrate"]

_looked_at: set[str] = set()


def connect_query() -> str:
    """What the pooler is to say on each connection that it opens."""
    limits = "".join(f"; SET {name} = '{value}'" for name, value in settings.SERVER_LIMITS.items())
    return f"SET search_path = {', '.join(settings.SCHEMAS.values())}{limits}"


def look_at_first_connection() -> None:
    """Refuse, with the mend, a pooler that does not say `connect_query`; once a database and process."""
    connection_created.connect(_look, dispatch_uid="eventscope-pooler")


def refuse_to_migrate(connection: Any) -> None:
    """Tables are made in a schema of their own, which only a session of our own can say."""
    if connection.settings_dict.get("POOLED"):
        raise CommandError(
            "Migrations are made on PostgreSQL itself, not through the pooler: run this with a "
            "DATABASE_URL that leads there, without ?pooler=transaction."
        )


def _look(connection: Any, **_: Any) -> None:
    if not connection.settings_dict.get("POOLED") or connection.alias in _looked_at:
        return
    with connection.cursor() as cursor:
        cursor.execute("SHOW search_path")
        path = {name.strip(' "') for name in cursor.fetchone()[0].split(",")}
        unlimited = [name for name in settings.SERVER_LIMITS if _shown(cursor, name) == "0"]
    if not path >= set(settings.SCHEMAS.values()) or unlimited:
        connection.close()
        quoted = connect_query().replace("'", "''")
        raise OperationalError(
            "the pooler lends connections that are not made ready; its line of this database wants "
            f"connect_query='{quoted}'"
        )
    _looked_at.add(connection.alias)


def _shown(cursor: Any, name: str) -> str:
    cursor.execute(f"SHOW {name}")
    shown: str = cursor.fetchone()[0]
    return shown
