"""Letters that were stored before they were counted."""

from __future__ import annotations

from typing import Any

from django.db import migrations

from ingest.letter_counts import count_all, drop_triggers


def count(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.alias == "events":
        count_all(schema_editor.connection)


def stop_counting(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.alias == "events":
        drop_triggers(schema_editor.connection)
        for name in ("LetterHour", "LetterCell"):
            apps.get_model("ingest", name).objects.using("events").all().delete()


class Migration(migrations.Migration):
    dependencies = [("ingest", "0010_letters_are_counted")]

    operations = [migrations.RunPython(count, stop_counting)]
