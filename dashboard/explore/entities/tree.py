"""A state as nested HTML that can be folded, with what one event changed in it marked. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboard.differences import Change

__all__ = ["short_json", "state_tree"]

MOST_NODES = 3000
DEEPEST = 60
OPEN_UNTIL = 3
LONGEST = 2000
Path = tuple[str | int, ...]


class _TooLarge(Exception):
    """More values, or deeper ones, than a page should hold."""


def state_tree(state: Any, changes: Sequence[Change] = ()) -> SafeString | None:
    """``state`` as nested ``<details>``; None when it is too large or too deep, so show it plainly."""
    try:
        return format_html(
            '<div class="en-json" tabindex="0">{}</div>', _Tree(changes).render(state, (), "", "")
        )
    except _TooLarge:
        return None


def short_json(value: Any, longest: int = 120) -> str:
    """A value on one line, cut where it is long."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return "(cannot be written)"
    return text if len(text) <= longest else f"{text[:longest]}…"


class _Tree:
    def __init__(self, changes: Iterable[Change]) -> None:
        self._marks: dict[Path, Change] = {}
        self._removed: dict[Path, list[Change]] = defaultdict(list)
        self._touched: set[Path] = set()
        self._count = 0
        for change in changes:
            if change.kind == "removed":
                self._removed[change.path[:-1]].append(change)
            else:
                self._marks[change.path] = change
            self._touched.update(change.path[:end] for end in range(len(change.path)))

    def render(self, value: Any, path: Path, name: str, comma: str) -> SafeString:
        """One member or item with all that it holds; ``name`` is its key as JSON, "" for items."""
        self._count += 1
        if self._count > MOST_NODES or len(path) > DEEPEST:
            raise _TooLarge
        label = format_html('<span class="es-json-key">{}</span>: ', name) if name else ""
        change = self._marks.get(path)
        if isinstance(value, dict | list) and (value or path in self._removed):
            return self._container(value, path, label, comma, change)
        before = change is not None and change.kind == "changed"
        was = format_html("<del>{}</del> ", short_json(change.before)) if before and change else ""
        return format_html(
            "<div{}>{}{}{}{}</div>", _mark(change), label, was, _scalar(value), comma
        )

    def _container(
        self, value: Any, path: Path, label: Any, comma: str, change: Change | None
    ) -> SafeString:
        left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
        unit = "field" if isinstance(value, dict) else "item"
        opened = len(path) < OPEN_UNTIL or path in self._touched or change is not None
        return format_html(
            '<details{}{}><summary>{}{}<span class="en-json-count"> {} {}{} {}{}</span></summary>'
            '<div class="en-json-inner">{}</div><div>{}{}</div></details>',
            " open" if opened else "",
            _mark(change),
            label,
            left,
            len(value),
            unit,
            "" if len(value) == 1 else "s",
            right,
            comma,
            format_html_join("", "{}", ((line,) for line in self._inside(value, path))),
            right,
            comma,
        )

    def _inside(self, value: Any, path: Path) -> Iterator[SafeString]:
        named = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
        for number, (name, item) in enumerate(named):
            shown = json.dumps(name, ensure_ascii=False) if isinstance(name, str) else ""
            yield self.render(item, (*path, name), shown, "," if number < len(named) - 1 else "")
        for change in self._removed.get(path, ()):
            name = change.path[-1]
            shown = json.dumps(name, ensure_ascii=False) if isinstance(name, str) else ""
            yield format_html(
                '<div data-mark="removed"><del>{}{}{}</del></div>',
                shown,
                ": " if shown else "",
                short_json(change.before),
            )


def _mark(change: Change | None) -> SafeString | str:
    return format_html(' data-mark="{}"', change.kind) if change is not None else ""


def _scalar(value: Any) -> SafeString:
    kinds: tuple[tuple[Any, str], ...] = (
        (str, "text"),
        (bool | None, "word"),
        (int | float, "number"),
    )
    kind = next((name for types, name in kinds if isinstance(value, types)), "")
    return format_html('<span class="es-json-{}">{}</span>', kind, short_json(value, LONGEST))
