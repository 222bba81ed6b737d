"""Adapters for libraries that a service may use already. Each needs its library, none is imported unasked."""

from __future__ import annotations

__all__: list[str] = []
