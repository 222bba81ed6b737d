"""How a failure stands: new since a deploy, back after it was fixed, muted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dashboard.recovery.models import FailureGroup
from ingest.queries.deploys import Deploy
from ingest.queries.letter_groups import LetterGroup

__all__ = ["FRESH_MS", "Arrivals", "Standing", "deploy_before", "judge_group"]

FRESH_MS = 86_400_000
"""A failure that was seen first within this time is new, whatever was deployed."""
QUIET_MS = 86_400_000
SOON_MS = 3_600_000
"""How long before it a deploy of any service may be what brought it."""
_ENDINGS = ("-service", "-group", "-processors", "-consumer", "-worker")


class Standing(NamedTuple):
    """``deploy`` is the one after which it is new, or came back."""

    new: bool = False
    regressed: bool = False
    deploy: Deploy | None = None
    muted_until_ms: int | None = None


class Arrivals(NamedTuple):
    """``lately`` arrived since ``since_ms``; ``before_ms`` is when the last one before did, if any."""

    lately: int = 0
    since_ms: int = 0
    before_ms: int | None = None


UNKNOWN = Arrivals()


def judge_group(
    group: LetterGroup,
    kept: FailureGroup | None,
    deploys: Sequence[Deploy],
    *,
    now_ms: int,
    arrivals: Arrivals = UNKNOWN,
) -> Standing:
    """``deploys`` newest first; ``kept`` is what people said, if anything.

    Regressed is what came after it was said to be fixed, or lately after a quiet day, when all letters
    from before had been dealt with.
    """
    muted = kept.muted_until_ms if kept and (kept.muted_until_ms or 0) > now_ms else None
    names = _names_of(group)
    fixed_ms = (kept.fixed_ms if kept else None) or _quiet_from(group, arrivals)
    if fixed_ms is not None and group.open and group.last_ms > fixed_ms:
        since = [deploy for deploy in deploys if deploy.at_ms > fixed_ms]
        return Standing(
            regressed=True, deploy=deploy_before(since, group.last_ms, names), muted_until_ms=muted
        )
    deploy = deploy_before(deploys, group.first_ms, names)
    current = deploy is not None and not any(
        other.service == deploy.service and other.at_ms > deploy.at_ms for other in deploys
    )
    new = bool(group.open) and (now_ms - group.first_ms < FRESH_MS)
    return Standing(new=new, deploy=deploy if new and current else None, muted_until_ms=muted)


def deploy_before(deploys: Iterable[Deploy], at_ms: int, names: Iterable[str]) -> Deploy | None:
    """The newest deploy before ``at_ms`` of one of the services ``names``; else of any, if it was just before."""
    known = {_plain(name) for name in names}
    before = [deploy for deploy in deploys if deploy.at_ms <= at_ms]
    for deploy in before:
        if _plain(deploy.service) in known:
            return deploy
    return before[0] if before and at_ms - before[0].at_ms <= SOON_MS else None


def _quiet_from(group: LetterGroup, arrivals: Arrivals) -> int | None:
    """When a failure that had been dealt with went quiet, if it was for a day and has come back."""
    before = arrivals.before_ms
    if before is None or not arrivals.lately or group.open > arrivals.lately:
        return None
    return before if arrivals.since_ms - before >= QUIET_MS else None


def _names_of(group: LetterGroup) -> list[str]:
    letter = group.newest
    return [letter.consumer, letter.consumer_group, letter.source] if letter else []


def _plain(name: str) -> str:
    """The same for ``payment``, ``payment-service`` and ``payment-group``."""
    return next((name.removesuffix(end) for end in _ENDINGS if name.endswith(end)), name)
