"""What importing the kit costs its users."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import eventscope


def test_kit_imports_neither_django_nor_the_dashboard() -> None:
    names = [module.name for module in pkgutil.walk_packages(eventscope.__path__, "eventscope.")]
    code = f"import sys, {', '.join(names)}; print(*sorted(sys.modules))"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    loaded = {name.partition(".")[0] for name in answer.stdout.split()}
    assert loaded & {"django", "channels", "numpy", "ingest", "dashboard", "config"} == set()
    assert "redis" in loaded


@pytest.mark.parametrize(
    "name",
    [module.name for module in pkgutil.walk_packages(eventscope.__path__, "eventscope.")],
)
def test_public_names_are_sorted_and_exist(name: str) -> None:
    module = __import__(name, fromlist=["__all__"])

    public = module.__all__

    assert public == sorted(public, key=_isort_order)
    assert all(hasattr(module, item) for item in public)


def _isort_order(name: str) -> tuple[int, str]:
    """As ruff sorts `__all__`: constants, classes, the rest."""
    if name.isupper():
        return 0, name
    return (1 if name[0].isupper() else 2), name
