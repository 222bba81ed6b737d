"""A learnt shape as JSON Schema (2020-12), and how one payload differs from it. Pure.

``required`` are fields that every sample had; ``x-presence`` is the share of the objects there that had
a field, ``x-first-seen`` and ``x-last-seen`` are ms since 1970, ``x-samples`` on the top is what it all rests on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ingest.shapes import HIDDEN, ITEMS, PathShape, Shape, kind_of, path_text, split_path

__all__ = ["ENOUGH", "Violation", "check_payload", "schema_of_shape"]

ENOUGH = 20
"""Samples from which on it is said what is usual."""
USUAL = 0.95
RARE = 0.01
MOST_FIELDS = 50
"""More than these and the names are data, as in a map by id: not told one by one."""
_MOST_VIOLATIONS = 200
_Node = dict[str, Any]


class Violation(NamedTuple):
    """``kind`` is missing, unknown or type; ``path`` is as people write it."""

    path: str
    kind: str
    message: str


def schema_of_shape(shape: Shape, *, title: str = "", version: str = "") -> _Node:
    """The JSON Schema of the payloads that ``shape`` was learnt from."""
    nodes = {tuple(split_path(path)): _node(seen) for path, seen in shape.paths.items()}
    for names in sorted(nodes, key=len, reverse=True):
        if names:
            _attach(nodes[names[:-1]], names[-1], nodes[names])
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "x-version": version,
        "x-samples": shape.samples,
        "x-complete": not shape.cut,
        **nodes.get((), {"type": "object"}),
    }
    _finish(schema)
    return schema


def check_payload(schema: _Node, payload: Any) -> list[Violation]:
    """How ``payload`` differs from what is usual; [] while too little is known."""
    if schema.get("x-samples", 0) < ENOUGH:
        return []
    found: list[Violation] = []
    for violation in _differences(schema, payload, (), complete=bool(schema.get("x-complete"))):
        found.append(violation)
        if len(found) == _MOST_VIOLATIONS:
            break
    return found


def _node(seen: PathShape) -> _Node:
    plain = sorted(kind for kind in seen.types if kind not in HIDDEN)
    if "number" in plain and "integer" in plain:
        plain.remove("integer")
    node: _Node = {"type": plain[0] if len(plain) == 1 else plain} if plain else {}
    hidden = [kind for kind in HIDDEN if kind in seen.types]
    if hidden:
        node["x-hidden"] = hidden[0]
    words = seen.words
    if plain == ["string"] and not hidden and words and _is_enumeration(words, seen.count):
        node["enum"] = sorted(words)
    node["x-first-seen"], node["x-last-seen"] = seen.first_ms, seen.last_ms
    node["x-count"] = seen.count
    node["x-types"] = dict(sorted(seen.types.items()))
    node["x-objects"] = seen.types.get("object", 0)
    return node


def _is_enumeration(words: dict[str, int], count: int) -> bool:
    """Few words that come again and again."""
    return count >= 5 * ENOUGH and min(words.values()) > 1 and count >= 10 * len(words)


def _attach(parent: _Node, name: str, child: _Node) -> None:
    if name == ITEMS:
        parent["items"] = child
        return
    parent.setdefault("properties", {})[name] = child
    child["x-presence"] = child["x-count"] / (parent["x-objects"] or 1)
    if child["x-presence"] >= 1 and parent["x-objects"] >= ENOUGH:
        parent.setdefault("required", []).append(name)


def _finish(node: _Node) -> None:
    """Fields in order; those of a map, whose names are data, as one."""
    fields = node.get("properties", {})
    if len(fields) > MOST_FIELDS:
        node["additionalProperties"] = _likest(fields)
        node.pop("properties"), node.pop("required", None)
        fields = {}
    if fields:
        node["properties"] = dict(sorted(fields.items()))
        node["required"] = sorted(node.get("required", []))
    for inner in (*fields.values(), node.get("items"), node.get("additionalProperties")):
        if isinstance(inner, dict):
            _finish(inner)


def _likest(fields: dict[str, _Node]) -> _Node:
    """The field seen most often stands for all of them."""
    return max(sorted(fields.items()), key=lambda pair: pair[1]["x-count"])[1]


def _differences(
    node: _Node, value: Any, names: tuple[str | int, ...], *, complete: bool
) -> Iterator[Violation]:
    wrong = _wrong_type(node, value, names)
    if wrong:
        yield wrong
    elif isinstance(value, dict) and "properties" in node:
        yield from _in_object(node, value, names, complete=complete)
    elif isinstance(value, list) and "items" in node:
        for index, item in enumerate(value):
            yield from _differences(node["items"], item, (*names, index), complete=complete)


def _wrong_type(node: _Node, value: Any, names: tuple[str | int, ...]) -> Violation | None:
    kind, told = kind_of(value), node.get("type")
    if told is None or kind in HIDDEN or "x-hidden" in node:
        return None
    types = [told] if isinstance(told, str) else told
    known = kind in types or (kind == "integer" and "number" in types)
    if known and not _is_rare(_count_of(node, kind), node["x-count"]):
        return None
    types = [one for one in types if one != kind or not known] or types
    return Violation(path_text(names), "type", f"{_a(kind)}, usually {_a(' or '.join(types))}")


def _in_object(
    node: _Node, value: dict[str, Any], names: tuple[str | int, ...], *, complete: bool
) -> Iterator[Violation]:
    fields = node["properties"]
    for name, inner in fields.items():
        presence = inner.get("x-presence", 0)
        if name not in value and presence >= USUAL and node["x-objects"] >= ENOUGH:
            share = "always" if presence >= 1 else f"in {presence:.1%}"
            yield Violation(path_text((*names, name)), "missing", f"elsewhere it is there {share}")
    for name, inner in value.items():
        if name in fields and _is_rare(fields[name]["x-count"], node["x-objects"]):
            share = fields[name]["x-presence"]
            yield Violation(path_text((*names, name)), "unknown", f"there in {share:.1%} only")
        elif name in fields:
            yield from _differences(fields[name], inner, (*names, name), complete=complete)
        elif complete:
            yield Violation(path_text((*names, name)), "unknown", "not known in this version")


def _is_rare(count: int, among: int) -> bool:
    """An event is mostly among the samples itself: what was seen once says nothing."""
    return among >= ENOUGH and count <= max(1, among * RARE)


def _count_of(node: _Node, kind: str) -> int:
    told = node.get("x-types", {})
    return int(told.get(kind, 0) + (told.get("number", 0) if kind == "integer" else 0))


def _a(kind: str) -> str:
    return kind if kind == "null" else f"{'an' if kind[0] in 'aio' else 'a'} {kind}"
