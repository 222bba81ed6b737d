"""Vendored files are what was published, and nothing else is served in their place."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

from deploy.vendor import PACKAGES

STATIC = Path(__file__).resolve().parents[2] / "static"
VENDOR = STATIC / "vendor"
MANIFEST = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("entry", MANIFEST, ids=lambda entry: entry["file"])
def test_a_vendored_file_has_the_hash_of_the_manifest(entry: dict[str, str]) -> None:
    assert hashlib.sha256((VENDOR / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]


def test_the_manifest_names_every_vendored_file() -> None:
    files = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}

    assert files - {"manifest.json"} == {entry["file"] for entry in MANIFEST}


def test_every_package_brings_its_licence() -> None:
    for package in PACKAGES:
        assert (VENDOR / f"{package.name}@{package.version}" / "LICENSE").is_file()


def test_every_icon_that_a_template_asks_for_is_in_the_sprite() -> None:
    sprite = set(re.findall(r'<symbol id="([\w-]+)"', (STATIC / "icons.svg").read_text()))
    asked: set[str] = set()
    mails = (
        STATIC.parent / "templates/notifying/mail.html"
    )  # no page: mail programs know no style sheet
    for template in {*(STATIC.parent / "templates").rglob("*.html")} - {mails}:
        text = template.read_text(encoding="utf-8")
        asked |= set(re.findall(r'{%\s*icon "([\w-]+)"', text))
        asked |= set(re.findall(r'icon="([\w-]+)"', text))

    assert asked - sprite == set()


def test_pages_hold_no_inline_script_or_style() -> None:
    inline = re.compile(
        r"<script(?![^>]*\bsrc=)(?![^>]*json)[^>]*>|<style|\sstyle=|\son[a-z]+=[\"']\s*[\w.]+\(",
        re.I,
    )
    mails = (
        STATIC.parent / "templates/notifying/mail.html"
    )  # no page: mail programs know no style sheet
    for template in {*(STATIC.parent / "templates").rglob("*.html")} - {mails}:
        found = inline.findall(template.read_text(encoding="utf-8"))
        assert found == [], template
