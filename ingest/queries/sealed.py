"""Where encrypted values stand in what is stored. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingest.sealing import SEALED
from ingest.shapes import path_text

__all__ = ["sealed_paths"]

_MOST_PATHS = 50


def sealed_paths(envelope: Any, headers: Iterable[tuple[str, str]]) -> list[str]:
    """The paths of encrypted values, the first fifty; headers as ``header:NAME``."""
    found: list[str] = []
    waiting: list[tuple[tuple[str | int, ...], Any]] = [((), envelope)]
    while waiting and len(found) < _MOST_PATHS:
        names, value = waiting.pop()
        if isinstance(value, dict):
            waiting += [((*names, name), inner) for name, inner in reversed(value.items())]
        elif isinstance(value, list):
            waiting += [((*names, at), inner) for at, inner in reversed(list(enumerate(value)))]
        elif isinstance(value, str) and _is_sealed(value):
            found.append(path_text(names, root="").removeprefix(".") or "the whole body")
    found += [f"header:{name}" for name, value in headers if _is_sealed(value)]
    return found[:_MOST_PATHS]


def _is_sealed(value: str) -> bool:
    return SEALED.fullmatch(value.encode("utf-8", "replace")) is not None
