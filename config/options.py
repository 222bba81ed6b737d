"""Composes the typed options of `ingest` and `dashboard` from ``eventscope.toml`` and the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dashboard.options import DashboardOptions
from ingest.options import BrokerOptions, IngestOptions, OptionsError, decode_options

__all__ = ["Options", "load_options", "read_secret"]

DEFAULT_FILE = "eventscope.toml"


class Options(msgspec.Struct, frozen=True):
    """Everything configured, in two typed halves."""

    ingest: IngestOptions
    dashboard: DashboardOptions
    file: str


def load_options(environ: Mapping[str, str]) -> Options:
    """The options of ``EVENTSCOPE_CONFIG`` (or ``eventscope.toml``), with ``REDIS_URL`` winning.

    Raises `OptionsError` naming file, key and what was expected.
    """
    file, raw = _read_file(environ)
    ingest_keys, dashboard_keys = _keys(IngestOptions), _keys(DashboardOptions)
    unknown = sorted(set(raw) - ingest_keys - dashboard_keys)
    if unknown:
        known = ", ".join(sorted(ingest_keys | dashboard_keys))
        raise OptionsError(f"{file}: {unknown[0]}: unknown section; expected one of {known}")
    ingest = decode_options(_pick(raw, ingest_keys), IngestOptions, file=file)
    dashboard = decode_options(_pick(raw, dashboard_keys), DashboardOptions, file=file)
    return Options(ingest=_with_broker_url(ingest, environ), dashboard=dashboard, file=file)


def read_secret(environ: Mapping[str, str], name: str, default: str = "") -> str:
    """``NAME``, or the stripped content of the file that ``NAME_FILE`` names."""
    if environ.get(name):
        return environ[name]
    path = environ.get(f"{name}_FILE")
    if not path:
        return default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise OptionsError(f"environment: {name}_FILE: cannot read {path}: {error}") from error


def _read_file(environ: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    named = environ.get("EVENTSCOPE_CONFIG")
    path = Path(named or DEFAULT_FILE)
    if not path.exists():
        if named:
            raise OptionsError(f"{path}: the file named by EVENTSCOPE_CONFIG does not exist")
        return str(path), {}
    try:
        return str(path), tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise OptionsError(f"{path}: not readable as TOML: {error}") from error


def _keys(kind: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(kind)}


def _pick(raw: dict[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in raw.items() if key in keys}


def _with_broker_url(options: IngestOptions, environ: Mapping[str, str]) -> IngestOptions:
    """``REDIS_URL`` is the place of every Redis broker that names none, and of ``main`` always."""
    url = read_secret(environ, "REDIS_URL")
    if not url:
        return options
    brokers = {
        name: _placed(broker, url, forced=name == "main")
        for name, broker in options.brokers.items()
    }
    return msgspec.structs.replace(options, brokers=brokers)


def _placed(broker: BrokerOptions, url: str, *, forced: bool) -> BrokerOptions:
    if broker.type != "redis" or (broker.url and not forced):
        return broker
    return msgspec.structs.replace(broker, url=url)
