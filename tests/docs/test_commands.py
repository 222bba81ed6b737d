"""Every command that a document tells to type is one that is there and takes these words."""

from __future__ import annotations

import functools
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from django.core.management import CommandError, get_commands, load_command_class

from examples.orders.cli import command_line

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(sh|console)\n(.+?)^```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]*(?:manage\.py |make |python -m )[^`\n]*)`")
PLACE = re.compile(r"^[A-Z_]{4,}=")

OTHERS = {
    "curl": "asks the API; its calls are tested in tests/dashboard/api",
    "export": "the shell's own",
    "sqlite3": "of SQLite",
    "jq": "reads JSON",
    "redis-cli": "of Redis; the tutorial says that one may use it",
}
MODULES = {"daphne": "the web server that requirements.txt pins"}


class Line(NamedTuple):
    document: str
    words: tuple[str, ...]


def lines() -> list[Line]:
    return list(dict.fromkeys(_lines()))


def _lines() -> Iterator[Line]:
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        told = [line for kind, body in FENCE.findall(text) for line in typed(kind, body)]
        for line in [*told, *INLINE.findall(text)]:
            for command in re.split(r"&&|\|(?=\s*$)|;", line):
                if words := words_of(command):
                    yield Line(document.name, words)


def typed(kind: str, body: str) -> list[str]:
    """What is typed in a fence; in a console that is what follows the prompt."""
    joined = body.replace("\\\n", " ").splitlines()
    if kind == "sh":
        return joined
    return [line.removeprefix("$ ") for line in joined if line.startswith("$ ")]


def words_of(command: str) -> tuple[str, ...]:
    """Without comment, environment, venv, inner commands and the brackets of what is optional."""
    command = re.sub(r"\$\([^)]*\)", "VALUE", command)
    try:
        words = shlex.split(re.sub(r"[\[\]…]", "", command), comments=True)
    except ValueError:  # a quote that goes on in the next line, as jq programs have
        words = command.split()
    while words and PLACE.match(words[0]):
        words.pop(0)
    return tuple(word.removeprefix(".venv/bin/") for word in words)


@pytest.mark.parametrize(
    "line", lines(), ids=lambda line: f"{line.document}: {shlex.join(line.words)}"
)
def test_command_is_real(line: Line) -> None:
    match line.words:
        case ("python", "manage.py", *rest) | ("manage.py", *rest):
            parse_managed(rest)
        case ("make", *targets):
            assert targets
            assert make_refuses(*targets) == ""
        case ("python", "-m", "examples.orders", *rest):
            command_line().parse_args(rest)
        case ("python", "-m", "benchmarks.NAME", *_):
            assert list((ROOT / "benchmarks").glob("*.py"))
        case ("python", "-m", module, *_) if module.startswith("benchmarks."):
            assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
        case ("python", "-m", module, *_):
            assert module in MODULES
        case ("python", "gifts.py"):
            assert line.document == "tutorial.md"  # written there, run in tests/examples
        case (program, *_):
            assert program in OTHERS


@functools.cache
def make_refuses(*targets: str) -> str:
    """What make has against them. It is given a Python, else it looks for one again and again."""
    command = ["make", "-n", f"PYTHON={sys.executable}", *targets]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stderr if run.returncode else ""


def parse_managed(words: list[str]) -> None:
    """Refuses what the command refuses, by an exit or a CommandError."""
    name, *rest = words
    assert name in get_commands(), f"manage.py {name} is not there"
    if name == "demo":
        command_line().parse_args(rest)
        return
    app = get_commands()[name]
    command = load_command_class(app, name) if isinstance(app, str) else app
    command.create_parser("manage.py", name).parse_args(rest)


def test_commands_were_found() -> None:
    assert len(lines()) > 25


@pytest.mark.parametrize(
    "words", [["up", "--no-such"], ["token", "make"], ["purge", "--befor", "3d", "x"], ["nonesuch"]]
)
def test_what_is_not_there_would_be_noticed(words: list[str]) -> None:
    with pytest.raises((SystemExit, CommandError, AssertionError)):
        parse_managed(words)
