"""What importing the kit costs its users."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import pytest

import eventscope

MODULES = [module.name for module in pkgutil.walk_packages(eventscope.__path__, "eventscope.")]
CONTRIB = "eventscope.contrib."


def test_kit_imports_neither_django_nor_the_dashboard() -> None:
    names = [name for name in MODULES if not name.startswith(CONTRIB)]
    code = f"import sys, {', '.join(names)}; print(*sorted(sys.modules))"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )

    loaded = {name.partition(".")[0] for name in answer.stdout.split()}
    assert loaded & {"django", "channels", "numpy", "ingest", "dashboard", "config"} == set()
    assert "redis" in loaded


@pytest.mark.parametrize("library", ["celery", "django", "faststream", "pybreaker"])
def test_adapter_without_its_library_says_what_to_install(library: str) -> None:
    code = f"import sys; sys.modules[{library!r}] = None; import {CONTRIB}{library}"

    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert answer.returncode == 1
    assert f"{CONTRIB}{library} needs {library}: pip install {library}" in answer.stderr


@pytest.mark.parametrize("name", MODULES)
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
