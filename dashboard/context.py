"""What every page's frame needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

__all__ = ["shell"]


def shell(request: HttpRequest) -> dict[str, Any]:
    return {}
