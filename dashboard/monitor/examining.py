"""What is wrong with probes, for `manage.py doctor`: their settings, and whether what they ask answers.

Components probed by ``url`` are looked at once, all at the same time. Built-in checks are looked at for their
names only: brokers and databases have findings of their own, and nothing may run yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError

from dashboard.findings import Finding
from dashboard.fleet.models import Duty
from dashboard.monitor.probes import CHECKS, URL_PROBES, probe_component
from dashboard.monitor.verdicts import UNHEALTHY
from dashboard.options import ComponentOptions, HealthOptions, StatusOptions
from ingest.models import HealthStanding

__all__ = ["examine_probes", "examine_status", "fault_of"]

AT_ONCE = 8
SECTION = "[[health.components]]"


def examine_probes(options: HealthOptions) -> Iterator[Finding]:
    """Settings, each component, and how the duty went when it was last done."""
    yield _times(options)
    twice = [
        names
        for names, count in Counter((one.name, one.service) for one in options.components).items()
        if count > 1
    ]
    for name, _ in twice:
        mend = f"Give it another name or service in {SECTION}; the two overwrite each other."
        yield Finding(f"component {name}", ok=False, detail="is there twice", mend=mend)
    yield from _components(options)
    for name in ("probes", "breaker-polls"):
        yield from _duty(name)


def _times(options: HealthOptions) -> Finding:
    return Finding(
        "probes",
        ok=options.timeout < options.interval,
        detail=f"{len(options.components)} every {options.interval:g} s, {options.timeout:g} s each",
        mend="Set [health] timeout below interval; a slow component is late for its next look.",
    )


def _components(options: HealthOptions) -> Iterator[Finding]:
    faults = {one: fault for one in options.components if (fault := fault_of(one))}
    for component, fault in faults.items():
        mend = f"Correct it in {SECTION}."
        yield Finding(f"component {component.name}", ok=False, detail=fault, mend=mend)
    asked = [one for one in options.components if one.url and one not in faults]
    if asked:
        yield from _look(asked, options)


def _look(components: Sequence[ComponentOptions], options: HealthOptions) -> Iterator[Finding]:
    def probe(component: ComponentOptions) -> Finding:
        verdict = probe_component(component, timeout=options.timeout)
        return Finding(
            f"component {component.name}",
            ok=verdict.status != UNHEALTHY,
            detail=f"{verdict.status}: {verdict.output}" if verdict.output else verdict.status,
            mend=f"Is it up, and may this machine reach it? Else correct its url in {SECTION}.",
        )

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="doctor") as pool:
        yield from pool.map(probe, components)


def fault_of(component: ComponentOptions) -> str:
    """What makes it impossible to look at it; "" for nothing. Pure but for the names of brokers."""
    if bool(component.url) == bool(component.check):
        return "has both url and check" if component.url else "has neither url nor check"
    if component.url:
        return _url_fault(component.url)
    kind, _, name = component.check.partition(":")
    if kind not in CHECKS:
        return f"check {component.check!r} is none of {', '.join(CHECKS)}"
    if kind == "broker" and name not in settings.INGEST.brokers:
        known = ", ".join(settings.INGEST.brokers)
        return f"check {component.check!r} names no broker; there are {known}"
    return ""


def _url_fault(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        return f"url {url!r}: {error}"
    if parts.scheme not in URL_PROBES:
        return f"url {url!r} is none of {', '.join(URL_PROBES)}"
    if not parts.hostname or (parts.scheme == "tcp" and port is None):
        return f"url {url!r} names no host{' and port' if parts.scheme == 'tcp' else ''}"
    return ""


def _duty(name: str) -> Iterator[Finding]:
    """Silent while it goes well, or has not been done yet."""
    try:
        duty = Duty.objects.filter(name=name, failing__gt=0).first()
    except DatabaseError:
        return  # told by the finding of the database
    if duty:
        yield Finding(
            f"duty {name}",
            ok=False,
            detail=f"failed {duty.failing} times in a row: {duty.error}",
            mend="See the log of manage.py monitor (action monitor.duty_failed).",
        )


def examine_status(options: StatusOptions) -> Iterator[Finding]:
    """Whether what the public status page lists was ever told of; silent while there is none."""
    if not options.enabled:
        return
    names = [one.component for one in options.components]
    try:
        known = set(
            HealthStanding.objects.filter(component__in=names).values_list("component", flat=True)
        )
    except DatabaseError:
        return
    missing = [name for name in names if name not in known]
    yield Finding(
        "status page",
        ok=not missing,
        detail=f"nothing was ever told of {', '.join(missing)}" if missing else "all are known",
        mend="Correct component in [[status.components]]; /health/ shows the names that are told.",
    )
