"""Composes the typed options of `ingest` and `dashboard` from ``eventscope.toml`` and the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from dashboard.options import DashboardOptions
from dashboard.places import recall_broker
from dashboard.receiver_options import check_receivers, secret_variable
from dashboard.rule_options import check_rules
from ingest.options import (
    BrokerOptions,
    IngestOptions,
    OptionsError,
    RegistryOptions,
    SecurityOptions,
    check_paths,
    decode_options,
)

__all__ = ["DEFAULT_URL", "Options", "embedded_url", "load_options", "read_port", "read_secret"]

DEFAULT_FILE = "eventscope.toml"
DEFAULT_URL = "redis://127.0.0.1:6379/0"


class Options(msgspec.Struct, frozen=True):
    """Everything configured, in two typed halves.

    ``embedded_broker`` is True when nothing says where a broker is, so that `up` brings one.
    """

    ingest: IngestOptions
    dashboard: DashboardOptions
    file: str
    embedded_broker: bool
    receiver_secrets: dict[str, str] = {}


def load_options(environ: Mapping[str, str], *, embedded_url: str = DEFAULT_URL) -> Options:
    """The options of ``EVENTSCOPE_CONFIG`` (or ``eventscope.toml``), with ``REDIS_URL`` winning.

    Redis brokers that are given no place are at ``embedded_url``. Raises `OptionsError` naming file, key and what was expected.
    """
    file, raw = _read_file(environ)
    ingest_keys, dashboard_keys = _keys(IngestOptions), _keys(DashboardOptions)
    unknown = sorted(set(raw) - ingest_keys - dashboard_keys)
    if unknown:
        known = ", ".join(sorted(ingest_keys | dashboard_keys))
        raise OptionsError(f"{file}: {unknown[0]}: unknown section; expected one of {known}")
    ingest = decode_options(_pick(raw, ingest_keys), IngestOptions, file=file)
    check_paths(ingest, file=file)
    dashboard = decode_options(_pick(raw, dashboard_keys), DashboardOptions, file=file)
    check_rules(dashboard.alerts.rules, longest_s=float(ingest.retention.metrics.minute), file=file)
    alerts = dashboard.alerts
    secrets = {name: read_secret(environ, secret_variable(name)) for name in alerts.receivers}
    check_receivers(alerts, secrets, file=file)
    url = read_secret(environ, "REDIS_URL")
    embedded = not url and all(
        broker.type == "redis" and not broker.url for broker in ingest.brokers.values()
    )
    placed = _with_store_url(_with_broker_url(ingest, url, embedded_url), environ)
    placed = _with_broker_secrets(placed, environ, file=file)
    return Options(
        ingest=placed,
        dashboard=dashboard,
        file=file,
        embedded_broker=embedded,
        receiver_secrets=secrets,
    )


def embedded_url(folder: Path) -> str:
    """Where `up` left the place of the broker it runs, else the usual port."""
    return recall_broker(folder) or DEFAULT_URL


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


def read_port(environ: Mapping[str, str]) -> int:
    """``PORT``, 8000 where it is not said. Raises `OptionsError` for what is no port."""
    text = environ.get("PORT", "").strip() or "8000"
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 65536):
        raise OptionsError(f"environment: PORT: expected a number from 1 to 65535, got {text!r}")
    return int(text)


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


def _with_broker_url(options: IngestOptions, url: str, otherwise: str) -> IngestOptions:
    """``REDIS_URL`` is the place of ``main``, and of every Redis broker that names none."""
    brokers = {
        name: _placed(broker, url or otherwise, forced=bool(url) and name == "main")
        for name, broker in options.brokers.items()
    }
    return msgspec.structs.replace(options, brokers=brokers)


def _with_store_url(options: IngestOptions, environ: Mapping[str, str]) -> IngestOptions:
    """``CLICKHOUSE_URL`` is the place of events, whatever the file says. Raises `OptionsError`."""
    url = read_secret(environ, "CLICKHOUSE_URL")
    if not url:
        return options
    try:
        store = msgspec.structs.replace(options.store, url=url)
    except ValueError as error:
        raise OptionsError(f"environment: CLICKHOUSE_URL: {error}") from error
    return msgspec.structs.replace(options, store=store)


def _with_broker_secrets(
    options: IngestOptions, environ: Mapping[str, str], *, file: str
) -> IngestOptions:
    """``EVENTSCOPE_BROKER_NAME_PASSWORD`` and ``…_KEY_PASSWORD`` win over the file, and so does
    ``…_REGISTRY_PASSWORD``. Raises `OptionsError`."""
    brokers = dict(options.brokers)
    for name, broker in options.brokers.items():
        prefix = f"EVENTSCOPE_BROKER_{name.upper().replace('-', '_')}"
        told = {
            field: read_secret(environ, f"{prefix}_{field.upper()}")
            for field in ("password", "key_password")
        }
        security = _replaced(broker.security, {k: v for k, v in told.items() if v}, prefix)
        if security.protocol.startswith("sasl") and not security.password:
            raise OptionsError(
                f"{file}: brokers.{name}.security.password: Expected the password of "
                f"{security.username}, here or in {prefix}_PASSWORD"
            )
        brokers[name] = msgspec.structs.replace(
            broker,
            security=security,
            registry=_with_registry_password(broker.registry, environ, prefix),
        )
    return msgspec.structs.replace(options, brokers=brokers)


def _with_registry_password(
    registry: RegistryOptions | None, environ: Mapping[str, str], prefix: str
) -> RegistryOptions | None:
    password = read_secret(environ, f"{prefix}_REGISTRY_PASSWORD")
    if registry is None or not password:
        return registry
    try:
        return msgspec.structs.replace(registry, password=password)
    except ValueError as error:
        raise OptionsError(f"environment: {prefix}_REGISTRY_PASSWORD: {error}") from error


def _replaced(security: SecurityOptions, told: dict[str, str], prefix: str) -> SecurityOptions:
    try:
        return msgspec.structs.replace(security, **told)
    except ValueError as error:
        raise OptionsError(f"environment: {prefix}_{next(iter(told)).upper()}: {error}") from error


def _placed(broker: BrokerOptions, url: str, *, forced: bool) -> BrokerOptions:
    if broker.type != "redis" or (broker.url and not forced):
        return broker
    return msgspec.structs.replace(broker, url=url)
