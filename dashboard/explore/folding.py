"""JSON as HTML whose objects and lists can be folded; no script needed. Pure.

Every name copies its path when it is clicked. A value that is indexed leads to the events that share it,
one that is unusual for its schema is marked, and one that is encrypted is shown as locked.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from dashboard.templatetags.eventscope import icon
from ingest.sealing import SEALED
from ingest.shapes import path_text

__all__ = ["PLAIN", "Marks", "fold_json", "pretty_json"]

DEEPEST = 60
MOST_NODES = 4000
OPEN_UNTIL = 4
LONGEST_TEXT = 2_000
Names = tuple[str | int, ...]


class Marks(NamedTuple):
    """What is known of places in the value: words about unusual ones by path, indexed paths, the search."""

    unusual: Mapping[str, str] = {}
    indexed: Collection[str] = ()
    search_url: str = ""
    """Ends where the value is to be put."""


PLAIN = Marks()


class TooLarge(Exception):
    """More values, or deeper ones, than a page should hold."""


def fold_json(value: Any, marks: Marks = PLAIN) -> SafeString | None:
    """``value`` as nested ``<details>``; None when it is too large or deep, so show it plainly."""
    try:
        return format_html(
            '<div class="ex-json" tabindex="0">{}</div>', _Folding(marks).render(value, (), "")
        )
    except TooLarge:
        return None


def pretty_json(value: Any) -> str:
    """Indented JSON; "" when it cannot be written."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        return ""


class _Folding:
    """One value being rendered; it counts what it has rendered."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._count = 0

    def render(self, value: Any, names: Names, comma: str) -> SafeString:
        self._count += 1
        if len(names) > DEEPEST or self._count > MOST_NODES:
            raise TooLarge
        path = path_text(names, root="").removeprefix(".")
        label, unusual = _label(names, path), self._unusual(path)
        if isinstance(value, dict | list) and value:
            return self._container(value, names, (label, unusual), comma)
        return format_html(
            '<div class="ex-json-row">{}{}{}{}{}</div>',
            label,
            _scalar(value),
            comma,
            self._others(value, names, path),
            unusual,
        )

    def _container(
        self,
        value: dict[str, Any] | list[Any],
        names: Names,
        marks: tuple[SafeString | str, SafeString | str],
        comma: str,
    ) -> SafeString:
        named = list(value.items() if isinstance(value, dict) else enumerate(value))
        last = len(named) - 1
        inner = format_html_join(
            "",
            "{}",
            (
                (self.render(item, (*names, name), "" if index == last else ","),)
                for index, (name, item) in enumerate(named)
            ),
        )
        left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
        unit = "field" if isinstance(value, dict) else "item"
        return format_html(
            '<details{}><summary class="ex-json-row">{}{}<span class="ex-json-count"> {} {}{} {}{}</span>{}'
            '</summary><div class="ex-json-inner">{}</div><div>{}{}</div></details>',
            " open" if len(names) < OPEN_UNTIL else "",
            marks[0],
            left,
            len(named),
            unit,
            "" if len(named) == 1 else "s",
            right,
            comma,
            marks[1],
            inner,
            right,
            comma,
        )

    def _unusual(self, path: str) -> SafeString | str:
        words = self._marks.unusual.get(path)
        return format_html('<span class="ex-json-mark">{}</span>', words) if words else ""

    def _others(self, value: Any, names: Names, path: str) -> SafeString | str:
        """A link to the events that share an indexed value."""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        plain = ".".join(name for name in names if isinstance(name, str))
        if plain not in self._marks.indexed or SEALED.search(str(value).encode("utf-8", "replace")):
            return ""
        return format_html(
            ' <a class="ex-json-others" href="{}{}" title="Events with this value">{}</a>',
            self._marks.search_url,
            quote(str(value), safe=""),
            icon("filter"),
        )


def _label(names: Names, path: str) -> SafeString | str:
    """The name, as a button that copies the path. Items of a list have none."""
    if not names or isinstance(names[-1], int):
        return ""
    return format_html(
        '<button type="button" class="ex-json-key es-json-key" data-copy="{}" title="Copy {}">{}</button>: ',
        path,
        path,
        _text(names[-1]),
    )


def _scalar(value: Any) -> SafeString:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool) or value is None:
        return format_html('<span class="es-json-word">{}</span>', _text(value))
    if isinstance(value, int | float):
        return format_html('<span class="es-json-number">{}</span>', _text(value))
    return mark_safe("{}" if isinstance(value, dict) else "[]")


def _string(value: str) -> SafeString:
    sealed = SEALED.fullmatch(value.encode("utf-8", "replace"))
    if sealed:
        return format_html(
            '<span class="ex-json-locked" title="Encrypted at rest with the key {}">{}encrypted</span>',
            sealed.group(1).decode(),
            icon("lock"),
        )
    if len(value) > LONGEST_TEXT:
        return format_html(
            '<span class="es-json-text">{}</span> <span class="ex-json-mark">{} characters more</span>',
            _text(value[:LONGEST_TEXT]),
            f"{len(value) - LONGEST_TEXT:,}",
        )
    return format_html('<span class="es-json-text">{}</span>', _text(value))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
