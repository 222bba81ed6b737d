"""A secret key that is made once and kept in the data folder, for those who configured none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

__all__ = ["kept_secret"]


def kept_secret(path: Path) -> str:
    """The secret in ``path``, made (mode 0600) on first use. Two processes agree on the first one."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _create(path)
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {path.parent} cannot be written ({error.strerror}). "
            "Make it writable or set EVENTSCOPE_DATA to a folder that is."
        ) from error


def _create(path: Path) -> None:
    """Write to a name of our own, then link: a reader never sees half a secret."""
    if path.exists():
        return
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
