"""PostgreSQL would try to compress what is packed already: each insert would pay for nothing."""

from __future__ import annotations

from typing import Any

from django.db import migrations

PACKED = {"block": "columns", "frame": "data", "keypage": "data"}


def set_storage(schema_editor: Any, storage: str) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for model, column in PACKED.items():
        schema_editor.execute(
            f"ALTER TABLE ingest_{model} ALTER COLUMN {column} SET STORAGE {storage}"
        )


def keep_as_is(apps: Any, schema_editor: Any) -> None:
    set_storage(schema_editor, "EXTERNAL")


def compress(apps: Any, schema_editor: Any) -> None:
    set_storage(schema_editor, "EXTENDED")


class Migration(migrations.Migration):
    dependencies = [("ingest", "0003_stream_ordinal")]

    operations = [migrations.RunPython(keep_as_is, compress)]
