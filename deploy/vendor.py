"""Fetches the browser libraries under ``static/vendor/`` and makes the icon sprite.

``python deploy/vendor.py`` asks ``npm pack`` for each package by name and version, checks the
sha256 of what came, and writes the few files that pages use, their licences and a manifest.
``python deploy/vendor.py FOLDER`` takes tarballs that were fetched before from FOLDER.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ICONS", "PACKAGES", "Package", "make_sprite", "plotly_styles", "vendor"]

STATIC = Path(__file__).resolve().parent.parent / "static"


@dataclass(frozen=True)
class Package:
    """One package: what to take of it (path inside → name here), and the hash of its tarball."""

    package: str
    version: str
    sha256: str
    files: dict[str, str]

    @property
    def name(self) -> str:
        return self.package.removeprefix("@").replace("/", "-")

    @property
    def tarball(self) -> str:
        return f"{self.name}-{self.version}.tgz"


PACKAGES = (
    Package(
        "plotly.js-cartesian-dist-min",
        "4.1.1",
        "c5f9a84666b97e571a04de689e09319869e60900e265c89eac2f71d0b5a0de88",
        {"plotly-cartesian.min.js": "plotly-cartesian.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        "htmx.org",
        "2.0.11",
        "165a2655073e9e6e55e307a7c74e8ebcdb76afb7701f9c16cfd106a13add408e",
        {"dist/htmx.min.js": "htmx.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        "@tabler/core",
        "1.6.1",
        "d02d679e51f6c179b21f035e154c13cdcb2ae8b18579e56ea606408ba7fc7a87",
        {"dist/css/tabler.min.css": "tabler.min.css"},
    ),
    Package(
        "@tabler/icons",
        "3.51.0",
        "b30108713d3fa60aee862c2a133225da8e0f309be0708fe2925763ff810c766c",
        {"LICENSE": "LICENSE"},
    ),
)

ICON_NAMES = """
activity adjustments-horizontal alert-circle alert-triangle archive arrow-back-up arrow-left arrow-right
arrow-up-right arrows-sort ban bell bell-check bell-off bolt book-2 box broadcast calendar chart-line check
chevron-down chevron-left chevron-right chevron-up circle-check circle-dashed circle-dot circle-x
circuit-switch-closed circuit-switch-open clock clock-pause copy cpu database device-desktop dots
download external-link eye filter gauge git-branch heartbeat help history hourglass inbox
info-circle key keyboard layout-dashboard link list-details lock login logout mail-exclamation
menu-2 message-2 minus moon note password player-pause player-play plug-connected plug-connected-x
plus refresh repeat rocket route search send server settings shield-check skull stack-2 sun tag
terminal-2 topology-star-3 trash trending-down trending-up user users wifi-off x zoom-reset
"""
ICONS = ICON_NAMES.split()

TABLER_LICENSE = """\
MIT License

Copyright (c) 2018-2026 The Tabler Authors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""


def vendor(tarballs: Path) -> None:
    """Write everything under ``static/`` from the tarballs in a folder."""
    manifest = []
    for package in PACKAGES:
        content = _read_tarball(tarballs / package.tarball, package)
        folder = STATIC / "vendor" / f"{package.name}@{package.version}"
        folder.mkdir(parents=True, exist_ok=True)
        for inside, name in package.files.items():
            (folder / name).write_bytes(content[inside])
        if package.package.startswith("plotly"):
            styles = plotly_styles(content["plotly-cartesian.min.js"].decode("utf-8"))
            (folder / "plotly.css").write_text(styles, encoding="utf-8")
        if package.package == "@tabler/core":
            (folder / "LICENSE").write_text(TABLER_LICENSE, encoding="utf-8")
        if package.package == "@tabler/icons":
            sprite = make_sprite({name: content[f"icons/outline/{name}.svg"] for name in ICONS})
            (STATIC / "icons.svg").write_text(sprite, encoding="utf-8")
        manifest += [_entry(package, path) for path in sorted(folder.iterdir())]
    text = json.dumps(manifest, indent=1) + "\n"
    (STATIC / "vendor" / "manifest.json").write_text(text, encoding="utf-8")


def plotly_styles(script: str) -> str:
    """The rules that plotly would insert into a style element, as a style sheet (X and Y are its own
    short names), so that pages need no inline style."""
    start = script.index('{"X,X div":')
    rules = []
    place = start + 1
    pair = re.compile(r"""(?:"([^"]*)"|(\w+)):(?:"([^"]*)"|'([^']*)')(,|\})""")
    while match := pair.match(script, place):
        selector, body = match[1] or match[2], match[3] or match[4] or ""
        selector = selector.replace("X", ".js-plotly-plot .plotly").replace("Y", ".plotly-notifier")
        rules.append(f"{selector} {{ {body} }}")
        place = match.end()
        if match[5] == "}":
            break
    return "\n".join(rules) + "\n"


def make_sprite(icons: dict[str, bytes]) -> str:
    """One SVG with a symbol an icon, drawn by ``<use href="icons.svg#name">``."""
    symbols = []
    for name, svg in icons.items():
        paths = re.findall(r"<(?:path|circle|rect|line)\b[^>]*/>", svg.decode("utf-8"))
        shapes = "".join(path for path in paths if 'stroke="none"' not in path)
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    body = "\n".join(symbols)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}\n</svg>\n'


def _read_tarball(path: Path, package: Package) -> dict[str, bytes]:
    raw = path.read_bytes()
    found = hashlib.sha256(raw).hexdigest()
    if found != package.sha256:
        raise SystemExit(f"{path.name}: sha256 is {found}, expected {package.sha256}")
    content = {}
    with tarfile.open(path) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None:
                content[member.name.removeprefix("package/")] = file.read()
    return content


def _entry(package: Package, path: Path) -> dict[str, str]:
    return {
        "name": package.package,
        "version": package.version,
        "file": path.relative_to(STATIC / "vendor").as_posix(),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }


def main() -> None:
    if len(sys.argv) > 1:
        vendor(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            wanted = f"{package.package}@{package.version}"
            print(f"fetching {wanted} ...", file=sys.stderr)
            subprocess.run(["npm", "pack", "--silent", wanted], cwd=folder, check=True)
        vendor(Path(folder))


if __name__ == "__main__":
    main()
