"""JSON Patch (RFC 6902) over JSON values: what changes many events in one way. Pure.

https://www.rfc-editor.org/rfc/rfc6902, pointers as in https://www.rfc-editor.org/rfc/rfc6901. A patch that
fails half way changes nothing: it is applied to a copy.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from eventscope.errors import EventscopeError

__all__ = ["MOST_OPERATIONS", "Operation", "PatchError", "apply_patch", "read_patch"]

MOST_OPERATIONS = 100
_INDEX = re.compile(r"0|[1-9]\d{0,8}")
_VALUED = ("add", "replace", "test")
_FROM = ("move", "copy")
_OPERATIONS = (*_VALUED, *_FROM, "remove")


class PatchError(EventscopeError, ValueError):
    """A patch that is none, or does not fit the value; the message names the operation, counted from 1."""


class Operation(NamedTuple):
    """``path`` and ``source`` as their parts."""

    number: int
    op: str
    path: tuple[str, ...]
    value: Any = None
    source: tuple[str, ...] = ()


def read_patch(told: Any) -> list[Operation]:
    """Raises `PatchError` for what is no patch."""
    if not isinstance(told, list) or not told:
        raise PatchError("a patch is a list of operations, and has at least one")
    if len(told) > MOST_OPERATIONS:
        raise PatchError(f"{len(told)} operations, more than {MOST_OPERATIONS}")
    return [_operation(number, one) for number, one in enumerate(told, 1)]


def apply_patch(value: Any, patch: Sequence[Operation]) -> Any:
    """A new value; ``value`` stays as it is. Raises `PatchError` where an operation does not fit."""
    holder = {"": copy.deepcopy(value)}
    for operation in patch:
        _DO[operation.op](holder, operation)
    return holder[""]


def _operation(number: int, told: Any) -> Operation:
    if not isinstance(told, Mapping):
        raise PatchError(f"operation {number}: an object with op and path is expected")
    op = told.get("op")
    if op not in _OPERATIONS:
        raise PatchError(f"operation {number}: op is one of {', '.join(_OPERATIONS)}")
    if op in _VALUED and "value" not in told:
        raise PatchError(f"operation {number}: {op} needs a value")
    path = _pointer(number, "path", told.get("path"))
    source = _pointer(number, "from", told.get("from")) if op in _FROM else ()
    if op == "move" and path[: len(source)] == source and path != source:
        raise PatchError(f"operation {number}: nothing can be moved into itself")
    return Operation(number, op, path, told.get("value"), source)


def _pointer(number: int, name: str, text: Any) -> tuple[str, ...]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchError(f'operation {number}: {name} is a pointer such as "/payload/total"')
    if re.search(r"~(?![01])", text):
        raise PatchError(f"operation {number}: in {name}, ~ is written ~0")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def _add(holder: dict[str, Any], one: Operation) -> None:
    parent, name = _place(holder, one, one.path)
    if isinstance(parent, list):
        at = len(parent) if name == "-" else _index(one, name, len(parent) + 1)
        parent.insert(at, copy.deepcopy(one.value))
    else:
        parent[name] = copy.deepcopy(one.value)


def _remove(holder: dict[str, Any], one: Operation) -> Any:
    return _take(holder, one, one.path)


def _replace(holder: dict[str, Any], one: Operation) -> None:
    parent, name = _place(holder, one, one.path)
    _read(parent, name, one)
    parent[_key(parent, name, one)] = copy.deepcopy(one.value)


def _test(holder: dict[str, Any], one: Operation) -> None:
    parent, name = _place(holder, one, one.path)
    if not _same(_read(parent, name, one), one.value):
        raise PatchError(
            f"operation {one.number}: {_text(one.path)} is not the value that is tested"
        )


def _move(holder: dict[str, Any], one: Operation) -> None:
    _add(holder, one._replace(value=_take(holder, one, one.source)))


def _copy(holder: dict[str, Any], one: Operation) -> None:
    parent, name = _place(holder, one, one.source)
    _add(holder, one._replace(value=_read(parent, name, one)))


_DO: dict[str, Callable[[dict[str, Any], Operation], object]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "test": _test,
    "move": _move,
    "copy": _copy,
}


def _place(holder: dict[str, Any], one: Operation, path: tuple[str, ...]) -> tuple[Any, str]:
    """The object or list that holds the last part of the path."""
    *way, name = ("", *path)
    parent: Any = holder
    for part in way:
        parent = _read(parent, part, one)
    if not isinstance(parent, dict | list):
        raise PatchError(f"operation {one.number}: {_text(path)} is within no object or list")
    return parent, name


def _read(parent: Any, name: str, one: Operation) -> Any:
    if not isinstance(parent, dict | list):
        raise PatchError(f"operation {one.number}: there is nothing at {name!r}")
    return parent[_key(parent, name, one)]


def _take(holder: dict[str, Any], one: Operation, path: tuple[str, ...]) -> Any:
    if not path:
        raise PatchError(f"operation {one.number}: the whole event cannot be taken away")
    parent, name = _place(holder, one, path)
    return parent.pop(_key(parent, name, one))


def _key(parent: Any, name: str, one: Operation) -> Any:
    """Where ``name`` is in its parent. Raises `PatchError` if it is not there."""
    if isinstance(parent, list):
        return _index(one, name, len(parent))
    if name not in parent:
        raise PatchError(f"operation {one.number}: there is no {name!r}")
    return name


def _index(one: Operation, name: str, length: int) -> int:
    if not _INDEX.fullmatch(name) or int(name) >= length:
        raise PatchError(f"operation {one.number}: {name!r} is no place in a list of {length}")
    return int(name)


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is not 1, though Python takes them for the same."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _text(path: tuple[str, ...]) -> str:
    return "/" + "/".join(path)
