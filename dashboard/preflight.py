"""What must be right before anything is started; each wrong thing is one clear line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError

from dashboard.explore.checks import check_reducers
from eventscope.errors import EventscopeError

__all__ = [
    "PreflightError",
    "check_databases",
    "check_entities",
    "check_folder",
    "check_port",
    "newer_migrations",
    "pick_port",
    "waiting_databases",
    "waiting_migrations",
]


class PreflightError(EventscopeError):
    """Eventscope cannot start here."""


def check_folder(folder: Path) -> None:
    """Refuse a data folder that cannot be written. Raises `PreflightError`."""
    probe = folder / f".writable.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PreflightError(
            f"The data folder {folder} cannot be written ({error.strerror}). "
            "Make it writable or set EVENTSCOPE_DATA to a folder that is."
        ) from error


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody else listens on. Raises `PreflightError`."""
    try:
        _bind(host, port)
    except OSError as error:
        raise PreflightError(
            f"Port {port} on {host} is not free ({error.strerror}). "
            "Stop what uses it or set PORT to another one."
        ) from error


def pick_port(preferred: int) -> int:
    """``preferred`` if it is free on loopback, else one that is."""
    try:
        return _bind("127.0.0.1", preferred)
    except OSError:
        return _bind("127.0.0.1", 0)


def check_databases() -> None:
    """Refuse databases that cannot be opened or that a newer Eventscope has written."""
    for alias in ("default", "events"):
        newer = newer_migrations(alias)
        if newer:
            raise PreflightError(
                f"The database '{alias}' was written by a newer Eventscope ({', '.join(newer[:3])}). "
                "Run that version, or restore a backup made by this one."
            )


def check_entities() -> None:
    """Refuse reducers that cannot be had. Raises `PreflightError`."""
    for wrong in check_reducers():
        raise PreflightError(f"{wrong.msg}. {wrong.hint}")


def newer_migrations(alias: str) -> list[str]:
    """Migrations that the database has and this code does not know. Raises `PreflightError`."""
    try:
        loader = MigrationExecutor(connections[alias]).loader
    except (DatabaseError, OSError) as error:
        raise PreflightError(
            f"The database '{alias}' cannot be opened: {error}. Check DATABASE_URL."
        ) from error
    ours = {app for app, _ in loader.disk_migrations}
    unknown = set(loader.applied_migrations) - set(loader.disk_migrations) - set(_replaced(loader))
    return sorted(f"{app}.{name}" for app, name in unknown if app in ours)


def waiting_databases() -> list[str]:
    """Aliases of the databases that have migrations to be applied."""
    return [alias for alias in ("default", "events") if waiting_migrations(alias)]


def waiting_migrations(alias: str) -> int:
    """How many migrations the database has not seen yet."""
    executor = MigrationExecutor(connections[alias])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _replaced(loader: object) -> list[tuple[str, str]]:
    migrations = loader.disk_migrations.values()  # type: ignore[attr-defined]
    return [old for migration in migrations for old in migration.replaces]


def _bind(host: str, port: int) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))
        bound: int = probe.getsockname()[1]
    return bound
