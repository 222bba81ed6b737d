"""Dotted paths into an envelope: the values to search by, the values to take out.

``payload.order.id`` starts at the payload wherever the format keeps it; any other first word is a
top-level member. An array on the way means each of its items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from operator import attrgetter
from typing import Any, cast

import msgspec

from eventscope.reading import text_of
from ingest.envelopes.native import Metadata
from ingest.envelopes.scan import (
    Span,
    array_items,
    object_members,
    object_pairs,
    scalar,
    trimmed,
)
from ingest.envelopes.text import bounded_id, clean
from ingest.envelopes.view import Found, View

__all__ = ["KeyReader", "spans_at", "texts_at"]

_Leaf = str | int | float | None
_ARRAY_ITEMS = 1000
_ARRAY_BYTES = 256 * 1024
Tree = dict[str, Any]


def spans_at(
    view: View, found: Found, path: tuple[str, ...], *, all_of_it: bool = False
) -> list[Span]:
    """Every place in the body that ``path`` leads to.

    Arrays of more than 256 KB or 1,000 items are not looked into; with ``all_of_it`` such an array
    is itself the place, as what it holds must not be missed. So is a string with JSON in it, and what
    is no JSON at all (XML, say); twins of a name are all places.
    """
    head = found.payload if path[0] == "payload" else view.members.get(path[0])
    head = head and trimmed(view.body, *head)
    spans = [head] if head else []
    if all_of_it and head:
        spans = _twins(view.body, head) or spans
    for name in path[1:]:
        spans = [inner for span in spans for inner in _step(view.body, span, name, all_of_it)]
    return spans


def texts_at(view: View, found: Found, path: tuple[str, ...]) -> list[str]:
    """The scalars that ``path`` leads to, written as keys are; in a wrapper, within the message in it."""
    if found.inner:
        view, found = found.inner.view, found.inner.found
    texts = (text_of(scalar(view.raw(span))) for span in spans_at(view, found, path))
    return [bounded_id(clean(text)) for text in texts if text]


def _twins(body: bytes, head: Span) -> list[Span]:
    """Every top-level member with the name that ``head`` has."""
    pairs = object_pairs(body) or []
    names = {name for name, span in pairs if span.start == head.start}
    return [span for name, span in pairs if name in names]


def _step(body: bytes, span: Span, name: str, all_of_it: bool) -> Iterator[Span]:
    opening = body[span.start : span.start + 1]
    if opening == b"{" and all_of_it:
        pairs = object_pairs(body, *span)
        yield from [span] if pairs is None else [inner for own, inner in pairs if own == name]
    elif opening == b"{":
        members = object_members(body, *span)
        if members and name in members:
            yield members[name]
    elif opening == b'"' and all_of_it:
        text = scalar(body[span.start : span.end])
        if not isinstance(text, str) or text.lstrip()[:1] in ("{", "["):
            yield span
    elif opening == b"[":
        yield from _step_array(body, span, name, all_of_it)
    elif all_of_it and not _is_plain(body[span.start : span.end]):
        yield span


def _is_plain(raw: bytes) -> bool:
    """A number, a boolean or null, or nothing at all."""
    return raw in (b"", b"null") or scalar(raw) is not None


def _step_array(body: bytes, span: Span, name: str, all_of_it: bool) -> Iterator[Span]:
    """Into each object of an array; arrays right within arrays are not looked into."""
    small = span.end - span.start <= _ARRAY_BYTES
    items = array_items(body, *span) if small else None
    if items is None or len(items) > _ARRAY_ITEMS:
        yield from [span] if all_of_it else []
        return
    for item in items:
        opening = body[item.start : item.start + 1]
        if opening == b"{":
            yield from _step(body, item, name, all_of_it)
        elif opening == b"[" and all_of_it:
            yield item


class KeyReader:
    """Reads the values of some paths out of an envelope, in two ways that agree.

    ``read_all`` takes them from objects decoded as `payload` and `metadata` (only the fields that are
    needed, C speed); ``walk`` finds them in any body.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = [tuple(path.split(".")) for path in paths if path]
        self.payload = _struct("Payload", _tree(self.paths, "payload"))
        self.metadata = _metadata(_tree(self.paths, "metadata"))
        self._getters = [*self._under("payload"), *self._under("metadata")]
        self._flat = _flat_getter(self.paths)
        self.covers_all = all(
            len(path) > 1 and path[0] in ("payload", "metadata") for path in self.paths
        )

    def read_all(self, envelopes: Sequence[Any]) -> list[tuple[str, ...]]:
        """Values from strictly decoded envelopes."""
        if self._flat is None:
            return [_texts([get(one) for get in self._getters]) for one in envelopes]
        payloads = [one.payload for one in envelopes]
        if None in payloads:
            return [() if one is None else _texts(self._flat(one)) for one in payloads]
        found = list(map(self._flat, payloads))
        every = list(chain.from_iterable(found))
        if all(every) and set(map(type, every)) <= {str}:
            return found
        return list(map(_texts, found))

    def walk(self, view: View, found: Found) -> tuple[str, ...]:
        """Values found by looking through the body."""
        return tuple(value for _, value in self.pairs(view, found))

    def pairs(self, view: View, found: Found) -> list[tuple[tuple[str, ...], str]]:
        """Path and value of each."""
        return [(path, text) for path in self.paths for text in texts_at(view, found, path)]

    def _under(self, root: str) -> list[Callable[[Any], Any]]:
        return [_getter(path) for path in self.paths if path[0] == root and len(path) > 1]


def _texts(values: Iterable[Any]) -> tuple[str, ...]:
    return tuple(
        [
            value if type(value) is str else str(value)
            for value in values
            if value is not None and value != ""
        ]
    )


def _tree(paths: Iterable[tuple[str, ...]], root: str) -> Tree:
    """{"order": {"id": None}} of payload.order.id; a path that is also a prefix of another is read by walking."""
    tree: Tree = {}
    for path in paths:
        if path[0] != root:
            continue
        node = tree
        for name in path[1:-1]:
            node = node.setdefault(name, {})
            if node is None:
                raise ValueError(
                    f"index.paths: {'.'.join(path)} leads through another path's value"
                )
        if len(path) > 1:
            node.setdefault(path[-1], None)
    return tree


def _struct(name: str, tree: Tree) -> type[Any]:
    return msgspec.defstruct(name, _fields(tree), gc=False)


def _metadata(tree: Tree) -> type[Metadata]:
    known = {field.encode_name for field in msgspec.structs.fields(Metadata)}
    extra = {name: inner for name, inner in tree.items() if name not in known}
    return cast(
        type[Metadata],
        msgspec.defstruct("IndexedMetadata", _fields(extra), bases=(Metadata,), gc=False),
    )


def _fields(tree: Tree) -> list[Any]:
    return [
        (
            _attribute(name),
            _Leaf if inner is None else _struct("Inner", inner) | None,
            msgspec.field(default=None, name=name),
        )
        for name, inner in tree.items()
    ]


def _attribute(name: str) -> str:
    """An identifier of its own for any JSON name."""
    return "x_" + name.encode().hex()


def _getter(path: tuple[str, ...]) -> Callable[[Any], Any]:
    known = {field.encode_name: field.name for field in msgspec.structs.fields(Metadata)}
    names = [_attribute(name) for name in path[1:]]
    if path[0] == "metadata" and path[1] in known:
        names[0] = known[path[1]]
    root = path[0]
    if len(names) == 1:
        return _short_getter(root, names[0])

    def get(envelope: Any) -> Any:
        value = getattr(envelope, root)
        for name in names:
            if value is None:
                return None
            value = getattr(value, name, None)
        return value

    return get


def _flat_getter(paths: list[tuple[str, ...]]) -> Callable[[Any], tuple[Any, ...]] | None:
    """All values at once, where every path is a member right in the payload (and there are two)."""
    if len(paths) < 2 or any(len(path) != 2 or path[0] != "payload" for path in paths):
        return None
    return attrgetter(*[_attribute(path[1]) for path in paths])


def _short_getter(root: str, name: str) -> Callable[[Any], Any]:
    def get(envelope: Any) -> Any:
        inner = getattr(envelope, root)
        return None if inner is None else getattr(inner, name)

    return get
