"""What is not documented is not there: a new setting or command without a word fails here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from dashboard.options import DashboardOptions
from ingest.options import IngestOptions, Section

ROOT = Path(__file__).resolve().parents[2]
CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
EVERY_DOCUMENT = "\n".join(
    path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
)


def sections() -> list[tuple[str, type[Section]]]:
    return list(_sections())


def _sections() -> Iterator[tuple[str, type[Section]]]:
    for options in (IngestOptions, DashboardOptions):
        for field in msgspec.structs.fields(options):
            for kind in section_types(field.type):
                yield field.encode_name, kind


def section_types(kind: Any) -> list[type[Section]]:
    if isinstance(kind, type) and issubclass(kind, Section):
        return [kind]
    return [found for inner in get_args(kind) for found in section_types(inner)]


@pytest.mark.parametrize(("name", "kind"), sections(), ids=lambda value: str(value))
def test_every_key_of_every_section_is_documented_under_its_heading(
    name: str, kind: type[Section]
) -> None:
    headings = re.split(r"^## ", CONFIGURATION, flags=re.MULTILINE)
    [text] = [part for part in headings if re.match(rf"`\[+{name}[\].]", part)]
    keys = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_every_variable_that_is_read_is_documented() -> None:
    sources = [*(ROOT / "config").glob("*.py")]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    read = set(re.findall(r"""(?:env(?:\.\w+)?\(|environ, |environ\.get\()"([A-Z_]{4,})""", text))
    assert len(read) > 8
    assert {name for name in read if f"`{name}`" not in CONFIGURATION} == set()


@pytest.mark.parametrize(
    "path",
    sorted(ROOT.glob("*/management/commands/[a-z]*.py")),
    ids=lambda path: path.stem,
)
def test_every_command_is_documented(path: Path) -> None:
    assert f"manage.py {path.stem}" in EVERY_DOCUMENT


def test_no_document_links_to_what_is_not_there() -> None:
    missing = [
        f"{document.relative_to(ROOT)} → {target}"
        for document in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", document.read_text("utf-8"))
        if not (document.parent / target).exists()
    ]
    assert missing == []
