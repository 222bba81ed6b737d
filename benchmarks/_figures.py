"""How every benchmark tells its figures, and the quantile that they are told by."""

from __future__ import annotations

import json

__all__ = ["quantile", "show"]


def quantile(ordered: list[float], q: float) -> float:
    """The nearest rank of ascending values; nan of nothing."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else float("nan")


def show(name: str, value: float, unit: str, *, as_json: bool) -> None:
    """One figure: a line of JSON for `manage.py benchmark`, or of a table for a person."""
    if as_json:
        print(json.dumps({"name": name, "value": value, "unit": unit}), flush=True)
    else:
        print(f"{name:<44} {value:>14,.2f} {unit}", flush=True)
