"""A stack for the eye: runs of frames that are not the service's own are folded. Pure."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["Part", "fold_stack"]

FEWEST = 2
_LIBRARY = re.compile(
    r"site-packages|dist-packages|[/\\]lib[/\\]python\d|node_modules|node:internal|\(internal/"
    r"|^\s*at (?:java|javax|jdk|sun|kotlin|scala)\.|java\.base/|^\s*at org\.(?:springframework|apache)\."
    r"|^\s*at (?:System|Microsoft)\.|/usr/local/go/src/|/pkg/mod/|^(?:runtime|net/http)\."
)
_FRAME = re.compile(r'^\s*(?:File "|at |\S+\.\w+\(|\S+\.go:\d)|^\S+\(.*\)$')


class Part(NamedTuple):
    """Some lines; ``frames`` is how many are folded away, 0 for lines that are shown."""

    text: str
    frames: int = 0


def fold_stack(stack: str) -> list[Part]:
    """``stack`` in parts that make it up again when joined by line breaks."""
    runs: list[tuple[bool, list[str], int]] = []
    library = False
    for line in stack.splitlines():
        frame = _FRAME.match(line) is not None
        if frame or not line[:1].isspace():
            library = bool(_LIBRARY.search(line))
        if runs and runs[-1][0] == library:
            kind, lines, frames = runs[-1]
            runs[-1] = (kind, [*lines, line], frames + frame)
        else:
            runs.append((library, [line], int(frame)))
    return _joined(runs)


def _joined(runs: list[tuple[bool, list[str], int]]) -> list[Part]:
    parts: list[Part] = []
    for library, lines, frames in runs:
        text = "\n".join(lines)
        if library and frames >= FEWEST:
            parts.append(Part(text, frames))
        elif parts and not parts[-1].frames:
            parts[-1] = Part(f"{parts[-1].text}\n{text}")
        else:
            parts.append(Part(text))
    return parts
