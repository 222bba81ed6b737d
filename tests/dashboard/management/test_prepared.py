"""Commands on a database that was never migrated say so in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**kept, "EVENTSCOPE_DATA": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    "words",
    [["token", "create", "ci"], ["ingest"], ["monitor"], ["purge"], ["export"]],
    ids=" ".join,
)
def test_command_without_tables_says_what_to_run(tmp_path: Path, words: list[str]) -> None:
    ended = run(tmp_path, *words)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("CommandError: The database '")
    assert "is not prepared. Run python manage.py up, or " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_token_stands_alone_on_the_last_line(tmp_path: Path) -> None:
    for alias in ("default", "events"):
        assert run(tmp_path, "migrate", "--database", alias).returncode == 0
    ended = run(tmp_path, "token", "create", "ci", "--role", "operator")

    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].startswith("es_")


@pytest.mark.parametrize("count", ["-1", "many", "1.5"])
def test_limit_of_an_export_is_a_whole_number(tmp_path: Path, count: str) -> None:
    ended = run(tmp_path, "export", "--limit", count)

    assert ended.returncode == 2
    assert f"argument --limit: '{count}' is not a whole number from 0 on" in ended.stderr


@pytest.mark.parametrize("port", ["abc", "0", "70000", "-1"])
def test_port_that_is_none_is_refused_in_one_line(tmp_path: Path, port: str) -> None:
    ended = run(tmp_path, "export", PORT=port)

    assert ended.returncode == 1
    assert ended.stderr == (
        f"eventscope: environment: PORT: expected a number from 1 to 65535, got {port!r}\n"
    )
