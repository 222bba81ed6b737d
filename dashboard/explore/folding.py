"""JSON as HTML whose objects and lists can be folded; no script needed. Pure."""

from __future__ import annotations

import json
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

__all__ = ["fold_json", "pretty_json"]

DEEPEST = 60
MOST_NODES = 4000
OPEN_UNTIL = 4


class TooLarge(Exception):
    """More values, or deeper ones, than a page should hold."""


def fold_json(value: Any) -> SafeString | None:
    """``value`` as nested ``<details>``; None when it is too large or deep, so show it plainly."""
    try:
        return format_html(
            '<div class="ex-json" tabindex="0">{}</div>', _render(value, "", "", 0, [0])
        )
    except TooLarge:
        return None


def pretty_json(value: Any) -> str:
    """Indented JSON; "" when it cannot be written."""
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (RecursionError, TypeError, ValueError):
        return ""


def _render(value: Any, name: str, comma: str, depth: int, count: list[int]) -> SafeString:
    count[0] += 1
    if depth > DEEPEST or count[0] > MOST_NODES:
        raise TooLarge
    label = format_html('<span class="es-json-key">{}</span>: ', _text(name)) if name else ""
    if isinstance(value, dict | list) and value:
        return _container(value, label, comma, depth, count)
    return format_html("<div>{}{}{}</div>", label, _scalar(value), comma)


def _container(
    value: dict[str, Any] | list[Any], label: str, comma: str, depth: int, count: list[int]
) -> SafeString:
    named = list(value.items()) if isinstance(value, dict) else [("", item) for item in value]
    last = len(named) - 1
    inner = format_html_join(
        "",
        "{}",
        (
            (_render(item, name, "" if index == last else ",", depth + 1, count),)
            for index, (name, item) in enumerate(named)
        ),
    )
    left, right = ("{", "}") if isinstance(value, dict) else ("[", "]")
    unit = "field" if isinstance(value, dict) else "item"
    return format_html(
        '<details{}><summary>{}{}<span class="ex-json-count"> {} {}{} {}{}</span></summary>'
        '<div class="ex-json-inner">{}</div><div>{}{}</div></details>',
        " open" if depth < OPEN_UNTIL else "",
        label,
        left,
        len(named),
        unit,
        "" if len(named) == 1 else "s",
        right,
        comma,
        inner,
        right,
        comma,
    )


def _scalar(value: Any) -> SafeString:
    if isinstance(value, str):
        return format_html('<span class="es-json-text">{}</span>', _text(value))
    if isinstance(value, bool) or value is None:
        return format_html('<span class="es-json-word">{}</span>', _text(value))
    if isinstance(value, int | float):
        return format_html('<span class="es-json-number">{}</span>', _text(value))
    return format_html("{}", "{}" if isinstance(value, dict) else "[]")


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
