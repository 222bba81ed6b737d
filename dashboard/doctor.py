"""Looks at everything that Eventscope stands on; one finding a line, with the mend."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator

import redis
from django.conf import settings
from django.db import connections
from django.db.utils import DatabaseError

from dashboard.explore.checks import check_reducers
from dashboard.findings import Finding
from dashboard.monitor.examining import examine_probes, examine_status
from dashboard.notifying.examining import examine_receivers
from dashboard.preflight import (
    PreflightError,
    check_folder,
    newer_migrations,
    waiting_migrations,
)
from ingest.checks import check_encryption, check_registry
from ingest.letter_counts import counts_are_right
from ingest.options import BrokerOptions, RegistryOptions
from ingest.registry import RegistryAway, registry_kinds
from ingest.sealing import BadKey, Keyring, read_keys
from ingest.sources import open_source
from ingest.sources.base import BrokerError
from ingest.store.base import StoreError

__all__ = ["Finding", "examine", "skew_finding"]

LARGEST_SKEW = 2.0
LEAST_FREE = 1 << 30


def examine() -> list[Finding]:
    """Every finding, in the order in which a person would mend them."""
    looks: list[Callable[[], Iterator[Finding]]] = [
        _configuration,
        _privacy,
        _entities,
        _data_folder,
        _permissions,
        _databases,
        _store,
        _letters,
        _brokers,
        _probes,
        examine_receivers,
    ]
    return [finding for look in looks for finding in look()]


def skew_finding(subject: str, theirs: float, ours: float) -> Finding:
    """Whether two clocks (seconds since 1970) agree well enough for latencies to mean something."""
    skew = theirs - ours
    if abs(skew) <= LARGEST_SKEW:
        return Finding(subject, ok=True, detail=f"{skew * 1000:+.0f} ms against this machine")
    return Finding(
        subject,
        ok=False,
        detail=f"{skew:+.1f} s against this machine",
        mend="Run a time service (chrony, systemd-timesyncd) on both; latencies are wrong until then.",
    )


def _configuration() -> Iterator[Finding]:
    path = settings.OPTIONS.file
    found = "read" if os.path.exists(path) else "not there; defaults are used"
    yield Finding("configuration", ok=True, detail=f"{path} {found}")
    hosts = [host for host in settings.ALLOWED_HOSTS if host == "*"]
    yield Finding(
        "allowed hosts",
        ok=not hosts,
        detail=", ".join(settings.ALLOWED_HOSTS),
        mend="Name your hosts in ALLOWED_HOSTS; '*' lets any site point its name here.",
    )


def _privacy() -> Iterator[Finding]:
    """Silent unless something is to be encrypted, or could be opened."""
    paths, texts = settings.INGEST.privacy.encrypt, settings.ENCRYPTION_KEYS
    if not (paths or texts):
        return
    for wrong in check_encryption():
        yield Finding("encryption", ok=False, detail=wrong.msg, mend=wrong.hint or "")
    try:
        keyring = Keyring(read_keys(texts))
    except BadKey:
        return
    if keyring:
        first, *others = keyring.ids
        kept = f"; {', '.join(others)} only open" if others else ""
        what = ", ".join(paths) or "nothing"
        yield Finding("encryption", ok=True, detail=f"key {first} seals {what}{kept}")


def _entities() -> Iterator[Finding]:
    kinds = settings.INGEST.entities
    wrong = check_reducers()
    for each in wrong:
        yield Finding("entities", ok=False, detail=each.msg, mend=each.hint or "")
    if kinds and not wrong:
        yield Finding("entities", ok=True, detail=f"{', '.join(kinds)} declared")


def _data_folder() -> Iterator[Finding]:
    folder = settings.DATA_DIR
    try:
        check_folder(folder)
    except PreflightError as error:
        yield Finding("data folder", ok=False, detail=str(error), mend="See above.")
        return
    free = shutil.disk_usage(folder).free
    yield Finding(
        "data folder",
        ok=free >= LEAST_FREE,
        detail=f"{folder}, {free / 1e9:.1f} GB free",
        mend="Free some space or shorten [retention]; ingest waits when the disk is full.",
    )


def _permissions() -> Iterator[Finding]:
    path = settings.DATA_DIR / "secret-key"
    if not path.exists():
        yield Finding("secret key", ok=True, detail="from the environment")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    yield Finding(
        "secret key",
        ok=not mode & 0o077,
        detail=f"{path}, mode {mode:04o}",
        mend=f"Nobody else should read it: chmod 600 {path}",
    )


def _databases() -> Iterator[Finding]:
    for alias in ("default", "events"):
        yield _database(alias)


def _database(alias: str) -> Finding:
    subject = f"database {alias}"
    try:
        newer = newer_migrations(alias)
        waiting = waiting_migrations(alias)
    except (PreflightError, DatabaseError) as error:
        return Finding(subject, ok=False, detail=str(error), mend="Check DATABASE_URL.")
    if newer:
        return Finding(
            subject, ok=False, detail=f"newer: {newer[0]}", mend="Run the newer version."
        )
    if waiting:
        return Finding(
            subject,
            ok=False,
            detail=f"{waiting} migrations wait",
            mend=f"python manage.py migrate --database {alias}  (make run does it)",
        )
    return Finding(subject, ok=True, detail=f"{connections[alias].vendor}, schema up to date")


def _store() -> Iterator[Finding]:
    """Silent where the database ``events`` keeps events too."""
    options = settings.INGEST.store
    if not options.url:
        return
    # Here, as its driver takes a while to load
    from ingest.store.clickhouse.store import ClickHouseEventStore

    store = ClickHouseEventStore(options, reading=settings.INGEST.limits.reading)
    try:
        missing = store.missing_tables()
        version = store.engine.version()
    except StoreError as error:
        mend = (
            "Start it, or set CLICKHOUSE_URL / [store] url to where it is and who may write there."
        )
        yield Finding("event store", ok=False, detail=str(error), mend=mend)
        return
    finally:
        store.close()
    yield Finding(
        "event store",
        ok=not missing,
        detail=f"no table {', '.join(missing)}"
        if missing
        else f"ClickHouse {version}, tables made",
        mend="Run what `python manage.py clickhouse_ddl` prints.",
    )


def _letters() -> Iterator[Finding]:
    try:
        right = counts_are_right(connections["events"])
    except DatabaseError:
        return  # told by the finding of the database
    yield Finding(
        "dead letters",
        ok=right,
        detail="counted" if right else "the counts are not those of the letters",
        mend="python manage.py migrate --database events  (counts them again)",
    )


def _brokers() -> Iterator[Finding]:
    for name, broker in settings.INGEST.brokers.items():
        if broker.type == "redis":
            yield from _redis_broker(name, broker)
        else:
            yield _kafka_broker(name, broker)
        if broker.registry is not None:
            yield _registry(name, broker.registry)


def _redis_broker(name: str, broker: BrokerOptions) -> Iterator[Finding]:
    subject = f"broker {name}"
    try:
        with redis.Redis.from_url(broker.url, socket_timeout=5) as client:
            seconds, micros = client.time()
            now = time.time()
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "")
            topics = sum(1 for _ in client.scan_iter(_type="stream", count=1000))
    except redis.RedisError as error:
        mend = "Start it with `manage.py up`, or set REDIS_URL / [brokers] to where it is."
        yield Finding(subject, ok=False, detail=f"{_place(broker.url)}: {error}", mend=mend)
        return
    yield Finding(subject, ok=True, detail=f"{_place(broker.url)}, {topics} streams")
    yield skew_finding(f"clock of {subject}", seconds + micros / 1e6, now)
    yield Finding(
        f"eviction of {subject}",
        ok=policy in ("noeviction", "") or policy.startswith("volatile"),
        detail=policy or "unknown",
        mend="Streams may vanish when memory is short: CONFIG SET maxmemory-policy noeviction",
    )


def _probes() -> Iterator[Finding]:
    yield from examine_probes(settings.DASHBOARD.health)
    yield from examine_status(settings.DASHBOARD.status)


def _kafka_broker(name: str, broker: BrokerOptions) -> Finding:
    subject, place = f"broker {name}", ", ".join(broker.bootstrap_servers)
    source = open_source(broker, timeout=5)
    try:
        found = source.discover()
    except BrokerError as error:
        mend = f"Start it, or set [brokers.{name}] bootstrap_servers and security to what it needs."
        return Finding(subject, ok=False, detail=f"{place}: {error}", mend=mend)
    finally:
        source.close()
    topics = len({one.place.topic for one in found})
    return Finding(
        subject, ok=True, detail=f"{place}, {topics} watched topics, {len(found)} partitions"
    )


def _registry(name: str, options: RegistryOptions) -> Finding:
    subject = f"schema registry of broker {name}"
    missing = check_registry()
    if missing:
        return Finding(subject, ok=False, detail=missing[0].msg, mend=missing[0].hint or "")
    try:
        kinds = registry_kinds(options, timeout=5)
    except RegistryAway as error:
        mend = f"Start it, or set [brokers.{name}.registry]; values are stored unread meanwhile."
        return Finding(subject, ok=False, detail=str(error), mend=mend)
    return Finding(subject, ok=True, detail=f"{options.url}, {', '.join(kinds) or 'answers'}")


def _place(url: str) -> str:
    """The URL without its password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
