from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
import dashboard.doctor, ingest.pipeline, ingest.queries.events
from ingest.options import IngestOptions
from ingest.registry import open_unframers
assert open_unframers(IngestOptions()) == {}
names = ("fastavro", "google.protobuf", "urllib3", "ingest.registry.client", "ingest.registry.framing")
print([name for name in names if name in sys.modules])
"""


def test_where_no_broker_has_a_registry_nothing_of_it_is_loaded(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", CODE],
        cwd=ROOT,
        env={"EVENTSCOPE_DATA": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (answer.stdout.strip(), answer.returncode) == ("[]", 0), answer.stderr
