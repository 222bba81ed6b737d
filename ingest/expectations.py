"""What may stand at a place of the configuration where msgspec's own message does not say it. Pure."""

from __future__ import annotations

import re
from typing import Any

from msgspec import inspect

__all__ = ["expected_at"]

_STEP = re.compile(r"[^.\[\]]+")


def expected_at(path: str, kind: type[Any]) -> str:
    """ "one of redis, kafka" for the choices, or the keys, at ``path`` (".brokers.main.type"); "" if not known."""
    found: inspect.Type | None = inspect.type_info(kind)
    for step in _STEP.findall(path):
        found = _inside(_plain(found), step)
    choices = _choices(_plain(found))
    return f"one of {', '.join(choices)}" if choices else ""


def _inside(found: inspect.Type | None, step: str) -> inspect.Type | None:
    match found:
        case inspect.StructType(fields=fields):
            return next((one.type for one in fields if one.encode_name == step), None)
        case inspect.DictType(value_type=inner):
            return inner
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            return inner
    return None


def _plain(found: inspect.Type | None) -> inspect.Type | None:
    """Without the notes of ``Annotated`` and without an optional ``None``."""
    match found:
        case inspect.Metadata(type=inner):
            return _plain(inner)
        case inspect.UnionType(types=types):
            others = [one for one in types if not isinstance(one, inspect.NoneType)]
            return _plain(others[0]) if len(others) == 1 else None
    return found


def _choices(found: inspect.Type | None) -> list[str]:
    match found:
        case inspect.StructType(fields=fields):
            return [one.encode_name for one in fields]
        case inspect.LiteralType(values=values):
            return [str(value) for value in values if value]
        case inspect.EnumType(cls=cls):
            return [str(member.value) for member in cls]
    return []
