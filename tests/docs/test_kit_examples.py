"""Every example of docs/kit.md is run as a program against a real broker, and prints what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

import eventscope
from tests.servers import Valkey

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "kit.md").read_text(encoding="utf-8")
PAIR = re.compile(r"```python\n(.+?)```\n\n```text\n(.+?)```", re.DOTALL)


class Example(NamedTuple):
    name: str
    source: str
    output: str


def examples() -> list[Example]:
    found = []
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        for number, (source, output) in enumerate(PAIR.findall(section), 1):
            found.append(Example(f"{title} {number}", source, output))
    return found


def test_no_example_stands_without_what_it_prints() -> None:
    assert len(examples()) == TEXT.count("```python")


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.name)
def test_example_prints_what_stands_below_it(
    example: Example, valkey: Valkey, tmp_path: Path
) -> None:
    program = tmp_path / "example.py"
    program.write_text(example.source, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-W", "error", program],
        env={**os.environ, "REDIS_URL": valkey.url, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.returncode, run.stdout) == (0, example.output), run.stderr[-2000:]


def test_every_public_name_is_in_the_reference() -> None:
    undocumented = {name for name in eventscope.__all__ if not re.search(rf"\b{name}\b", TEXT)}
    assert undocumented == set()
