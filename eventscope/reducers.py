"""Reducers: how the state of an entity comes from its events. Pure; nothing given is changed.

A reducer is any function of state and event. It is declared in steps, or is Python registered under a
name, so that a service and the dashboard rebuild an entity in the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, NamedTuple, TypeVar

from eventscope.envelope import Event
from eventscope.errors import ReducerError
from eventscope.routing import matches

__all__ = [
    "ROOTS",
    "Reducer",
    "Step",
    "Verb",
    "declared_reducer",
    "document_of",
    "find_reducer",
    "merge_patch",
    "merge_reducer",
    "reducer",
]

Reducer = Callable[[Any, Event], Any]
Verb = Literal["merge", "set", "append", "count", "remove"]
Path = tuple[str, ...]
Function = TypeVar("Function", bound=Reducer)

ROOTS = ("eventId", "eventType", "timestamp", "payload", "metadata")
"""Where a path into an event may begin."""

DECIMALS = 9
"""Sums of amounts are rounded so: 0.1 and 0.2 make 0.3."""

_MISSING: Any = object()
_registered: dict[str, Reducer] = {}


class Step(NamedTuple):
    """One thing that events of some types do to the state.

    ``place`` is where in the state (() is all of it), ``source`` where in the event the value stands;
    without one it is ``value``.
    """

    on: tuple[str, ...]
    verb: Verb
    place: Path = ()
    source: Path | None = None
    value: Any = None


def reducer(name: str) -> Callable[[Function], Function]:
    """Register a function ``(state, event) → state`` under ``name``; the first state is ``{}``.

    Raises `ReducerError` when another function has the name.
    """

    def register(function: Function) -> Function:
        before = _registered.get(name, function)
        if (before.__module__, before.__qualname__) != (function.__module__, function.__qualname__):
            raise ReducerError(
                f"two reducers are called {name!r}: in {before.__module__} and {function.__module__}"
            )
        _registered[name] = function
        return function

    return register


def find_reducer(name: str, module: str = "") -> Reducer:
    """The function registered as ``name``; ``module`` is imported first. Raises `ReducerError`."""
    if module:
        try:
            import_module(module)
        except Exception as error:
            raise ReducerError(
                f"module {module} cannot be imported: {type(error).__name__}: {error}"
            ) from error
    try:
        return _registered[name]
    except KeyError:
        known = ", ".join(sorted(_registered)) or "none"
        raise ReducerError(f"no reducer is registered as {name!r}; known: {known}") from None


def merge_patch(target: Any, patch: Any) -> Any:
    """``target`` with ``patch`` merged into it: null takes a member out, objects are merged in turn.

    https://www.rfc-editor.org/rfc/rfc7396#section-2
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def merge_reducer(state: Any, event: Event) -> Any:
    """Merges every payload into the state."""
    return _merge(state, (), event.payload)


def declared_reducer(steps: Sequence[Step]) -> Reducer:
    """The reducer that does ``steps`` in order. An event that has not the value of one passes it by."""

    def reduce(state: Any, event: Event) -> Any:
        document: Mapping[str, Any] | None = None
        for step in steps:
            if not any(matches(pattern, event.event_type) for pattern in step.on):
                continue
            document = document or document_of(event)
            value = step.value if step.source is None else _look(document, step.source)
            if value is not _MISSING:
                state = _VERBS[step.verb](state, step.place, value)
        return state

    return reduce


def document_of(event: Event) -> dict[str, Any]:
    """The envelope that paths lead into."""
    parts = (event.event_id, event.event_type, event.timestamp, event.payload, event.metadata)
    return dict(zip(ROOTS, parts, strict=True))


def _look(value: Any, path: Path) -> Any:
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return _MISSING
        value = value[name]
    return value


def _change(state: Any, place: Path, change: Callable[[Any], Any]) -> Any:
    """``state`` with the value at ``place`` (`_MISSING` if there is none) changed; objects on the way are made."""
    if not place:
        return change(state)
    if state is not _MISSING and not isinstance(state, dict):
        raise ReducerError(f"{place[0]} cannot be set in {_name(state)}")
    known: dict[str, Any] = {} if state is _MISSING else state
    changed = _change(known.get(place[0], _MISSING), place[1:], change)
    if changed is _MISSING:
        return {name: value for name, value in known.items() if name != place[0]}
    return {**known, place[0]: changed}


def _merge(state: Any, place: Path, value: Any) -> Any:
    if not isinstance(value, dict):
        raise ReducerError(f"{_name(value)} cannot be merged; expected an object")
    return _change(state, place, lambda known: merge_patch(known, value))


def _set(state: Any, place: Path, value: Any) -> Any:
    return _change(state, place, lambda _: value)


def _append(state: Any, place: Path, value: Any) -> Any:
    def longer(known: Any) -> Any:
        if known is not _MISSING and not isinstance(known, list):
            raise ReducerError(f"{'.'.join(place)} is {_name(known)}; expected a list to append to")
        return [*([] if known is _MISSING else known), value]

    return _change(state, place, longer)


def _count(state: Any, place: Path, value: Any) -> Any:
    def more(known: Any) -> Any:
        known = 0 if known is _MISSING else known
        for number in (known, value):
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ReducerError(f"{'.'.join(place)}: {_name(number)} cannot be counted")
        try:
            return round(known + value, DECIMALS)
        except OverflowError as error:
            raise ReducerError(f"{'.'.join(place)}: {error}") from error

    return _change(state, place, more)


def _remove(state: Any, place: Path, value: Any) -> Any:
    return state if _look(state, place) is _MISSING else _change(state, place, lambda _: _MISSING)


def _name(value: Any) -> str:
    """What kind of JSON a value is, for a message."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    kinds = ((str, "a text"), (int | float, "a number"), (list, "a list"), (dict, "an object"))
    return next((name for kind, name in kinds if isinstance(value, kind)), type(value).__name__)


_VERBS: Mapping[str, Callable[[Any, Path, Any], Any]] = {
    "merge": _merge,
    "set": _set,
    "append": _append,
    "count": _count,
    "remove": _remove,
}
