"""Rows by the hundred thousand, made within the database: through the models they take minutes."""

from __future__ import annotations

from django.db import connections, models, router

__all__ = ["store_copies", "utf8"]

AT_ONCE = 20_000


def store_copies(template: models.Model, count: int, **expressions: str) -> None:
    """``count`` rows like ``template``; columns named in ``expressions`` are SQL over ``n``, from 0 on.

    Triggers see them as they would any other rows.
    """
    model = type(template)
    connection = connections[router.db_for_write(model)]
    fields = [field for field in model._meta.concrete_fields if not field.primary_key]
    names = ", ".join(connection.ops.quote_name(field.column) for field in fields)
    plain = [field for field in fields if field.attname not in expressions]
    values = [
        field.get_db_prep_save(getattr(template, field.attname), connection) for field in plain
    ]
    chosen = ", ".join(expressions.get(field.attname, "%s") for field in fields)
    table = connection.ops.quote_name(model._meta.db_table)
    statement = f"INSERT INTO {table} ({names}) SELECT {chosen} FROM numbers"
    with connection.cursor() as cursor:
        for first in range(0, count, AT_ONCE):
            numbers = _numbers(first, min(first + AT_ONCE, count))
            cursor.execute(f"{numbers} {statement}", values)


def utf8(text: str) -> str:
    """The SQL expression ``text`` as the bytes of a binary column."""
    return f"CAST({text} AS BLOB)" if _vendor() == "sqlite" else f"convert_to({text}, 'UTF8')"


def _numbers(first: int, end: int) -> str:
    return (
        f"WITH RECURSIVE numbers(n) AS (SELECT CAST({first} AS bigint) "
        f"UNION ALL SELECT n + 1 FROM numbers WHERE n < {end - 1})"
    )


def _vendor() -> str:
    return str(connections["events"].vendor)
