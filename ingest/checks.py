"""Settings of ingest that would lose or expose something: refused at start, with the mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from ingest.sealing import BadKey, read_keys

__all__ = ["check_encryption", "check_registry"]

_NAMING = frozenset(("eventId", "eventType", "timestamp", "metadata", "payload"))
"""Without these an event could be neither told from others nor counted."""


@register()
def check_encryption(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """What is to be encrypted has a key, every key is one, and no path takes an event's name away."""
    paths = settings.INGEST.privacy.encrypt
    found: list[CheckMessage] = []
    try:
        keys = read_keys(settings.ENCRYPTION_KEYS)
    except BadKey as error:
        return [Error(str(error), hint=f"EVENTSCOPE_ENCRYPTION_KEYS: {_HOW}", id="ingest.E002")]
    if paths and not keys:
        found.append(
            Error(
                f"[privacy] encrypt names {', '.join(paths)}, and there is no key to encrypt with.",
                hint=f"Set EVENTSCOPE_ENCRYPTION_KEYS (or …_FILE). {_HOW}",
                id="ingest.E001",
            )
        )
    found += [
        Error(
            f"[privacy] encrypt: {path} cannot be encrypted: events are told apart by it.",
            hint="Name what lies within, such as payload.card.number.",
            id="ingest.E003",
        )
        for path in paths
        if path in _NAMING
    ]
    return found


@register()
def check_registry(app_configs: Sequence[Any] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Where a broker has a schema registry, what its extra brings is installed."""
    named = [name for name, broker in settings.INGEST.brokers.items() if broker.registry]
    if not named:
        return []
    from ingest.registry.compiling import INSTALL, missing_libraries

    missing = missing_libraries()
    if not missing:
        return []
    return [
        Error(
            f"[brokers.{named[0]}.registry] needs {' and '.join(missing)}.",
            hint=INSTALL,
            id="ingest.E004",
        )
    ]


_HOW = "A key is 32 random bytes in base64: openssl rand -base64 32"
