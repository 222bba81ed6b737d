"""What PostgreSQL itself takes in: a COPY of the rows that the store wrote, beside the store's own rate."""

from __future__ import annotations

import time

from django.db import connections

__all__ = ["copy_seconds"]

_TABLES = (
    "ingest_block",
    "ingest_frame",
    "ingest_keyrun",
    "ingest_keypage",
    "ingest_posting",
    "ingest_metricpiece",
)


def copy_seconds() -> float:
    """Seconds to copy all rows of events, keys and counts into tables alike, indexes and checks among them."""
    spent = 0.0
    with connections["events"].cursor() as cursor:
        raw = cursor.connection
        for table in _TABLES:
            cursor.execute(f"CREATE TABLE bare (LIKE {table} INCLUDING ALL)")
            with raw.cursor().copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as out:
                rows = [bytes(part) for part in out]
            began = time.perf_counter()
            with raw.cursor().copy("COPY bare FROM STDIN (FORMAT BINARY)") as into:
                for part in rows:
                    into.write(part)
            spent += time.perf_counter() - began
            cursor.execute("DROP TABLE bare")
    return spent
