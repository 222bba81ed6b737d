"""The duty that carries rules out: each step once for each letter, whatever is killed when.

What fired is noted in the transaction that makes the job of it, and a letter, a rule and a step are noted
once only (a constraint): who is killed before has done nothing, who is killed after has done all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from dashboard.accounts import audit
from dashboard.notifying.notices import Notice, tell_admins
from dashboard.recovery.actions import Options, create_job
from dashboard.recovery.gathering import busy_letters
from dashboard.recovery.models import Firing, HandlerRule, Job
from dashboard.recovery.rule_steps import Rule, Step, StepError, due_before_ms, read_rule
from dashboard.recovery.ruling import ANY, matching, sync_configured
from dashboard.recovery.selection import Selection
from ingest.models import DeadLetter
from ingest.queries.fleet import OPEN_STATES, list_breakers

__all__ = ["AT_ONCE", "Rules", "carry_out_rules"]

log = structlog.get_logger(__name__)

AT_ONCE = 500
BEGIN = (-1, 0)
MOST_PAGES = 10
"""Looked through in a round, each of `AT_ONCE` letters; the next round goes on behind them."""
MOST_NAMED = 20
OVERLAP = 1_000
"""Letters that were stored beside each other may be seen out of order by so many."""
Places = dict[tuple[int, str, int], tuple[int, int]]
"""Rule, step, redrives → (received, id) of the letter behind which the next round goes on."""
KINDS = {"redrive": Job.Kind.REDRIVE, "discard": Job.Kind.DISCARD}


class Rules:
    """The duty: one a process, that remembers where it stands, so that no letter waits behind others for ever."""

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        self._stopping = stopping
        self._places: Places = {}

    def step(self) -> int:
        return carry_out_rules(self._stopping, self._places)


def carry_out_rules(
    stopping: Callable[[], bool] = lambda: False, places: Places | None = None
) -> int:
    """One round over all rules that are tried or on; how many letters were acted on."""
    kept: Places = {} if places is None else places
    sync_configured()
    now = time.time_ns() // 1_000_000
    fired = 0
    for rule in HandlerRule.objects.exclude(mode=HandlerRule.Mode.OFF).order_by("pk"):
        try:
            told = read_rule(rule.actions)
        except StepError as error:
            log.warning("rules.unread", action="rules.unread", rule=rule.pk, error=str(error))
            continue
        arrived = _arrived(rule) if _at_once(told) else []
        for step in told.steps:
            if stopping():
                return fired
            fired += _fire(rule, step, now, told, arrived, kept)
        _keep_place(rule, _at_once(told), arrived)
    _forget(now)
    return fired


def _fire(
    rule: HandlerRule, step: Step, now_ms: int, told: Rule, arrived: list[int], places: Places
) -> int:
    if step.kind == "redrive" and _held(told):
        return 0
    waits = step.kind in KINDS
    chosen = _waited(rule, step, now_ms, places) if waits else _not_fired(rule, step, arrived)
    if not chosen:
        return 0
    dry = rule.mode == HandlerRule.Mode.TRIED
    try:
        with transaction.atomic():
            as_read = {"pk": rule.pk, "mode": rule.mode, "since_letter": rule.since_letter}
            if not HandlerRule.objects.select_for_update().filter(**as_read).exists():
                return 0
            firings = [
                Firing(rule=rule, letter=letter, step=step.name, at_ms=now_ms, tried=dry)
                for letter in chosen
            ]
            Firing.objects.bulk_create(firings)
            job = None if dry else _act(rule, step, chosen)
            if job is not None:
                Firing.objects.filter(rule=rule, step=step.name, letter__in=chosen).update(
                    job=job.pk
                )
            _note(rule, step, chosen, job, dry)
    except IntegrityError:  # another monitor was first: it is noted, and so is done
        return 0
    return len(chosen)


def _act(rule: HandlerRule, step: Step, letters: list[int]) -> Job | None:
    if step.kind == "log":
        log.warning(
            "rules.failed_events",
            action="rules.failed_events",
            rule=rule.pk,
            match=rule.value,
            letters=letters[:20],
            count=len(letters),
        )
    if step.kind == "notify-admin":
        _notify(rule, letters)
    if step.kind not in KINDS:
        return None
    return create_job(
        actor=f"rule {rule.pk}",
        selection=Selection.of_ids(letters),
        options=Options(note=f"rule {rule.pk} for {rule.value}: {step}"),
        kind=KINDS[step.kind],
    )


def _notify(rule: HandlerRule, letters: list[int]) -> None:
    """By the outbox, which is written with what fired: told once, whatever is killed when."""
    failed = "any error" if rule.value == ANY else rule.value
    notice = Notice(
        topic=f"rule-{rule.pk}",
        title=f"Dead letters of {_plain(failed)}: {{count}}",
        text=f"Rule {rule.pk} tells of dead letters of {failed}. The first of them: "
        + ", ".join(str(letter) for letter in letters[:MOST_NAMED]),
        path=f"/dead-letters/{letters[0]}/",
        count=len(letters),
    )
    tell_admins(notice, now_ms=time.time_ns() // 1_000_000)


def _plain(text: str) -> str:
    """A name in a title that is a pattern."""
    return text.replace("{", "{{").replace("}", "}}")


def _note(rule: HandlerRule, step: Step, letters: list[int], job: Job | None, dry: bool) -> None:
    audit.record(
        actor=f"rule {rule.pk}",
        action="rule.tried" if dry else "rule.fired",
        subject=rule.value,
        detail={
            "step": str(step),
            "letters": len(letters),
            "ids": letters[:100],
            "job": job.pk if job else None,
        },
    )


def _at_once(told: Rule) -> list[Step]:
    """What is done to a letter as soon as it has come."""
    return [step for step in told.steps if step.kind not in KINDS]


def _arrived(rule: HandlerRule) -> list[int]:
    """Letters from where the rule stands on, the same for all that is done at once."""
    begin = max(rule.since_letter, rule.looked_until - OVERLAP)
    rows = matching(rule).filter(pk__gt=begin).order_by("pk")
    return list(rows.values_list("pk", flat=True)[: AT_ONCE + OVERLAP])


def _keep_place(rule: HandlerRule, steps: list[Step], arrived: list[int]) -> None:
    """Stand behind ``arrived`` when everything is noted for all of them, and not before: who is killed
    in between begins at the old place, and does nothing twice."""
    if not arrived or arrived[-1] <= rule.looked_until:
        return
    if not any(_not_fired(rule, step, arrived) for step in steps):
        as_read = {"pk": rule.pk, "mode": rule.mode, "since_letter": rule.since_letter}
        HandlerRule.objects.filter(**as_read).update(looked_until=arrived[-1])


def _waited(rule: HandlerRule, step: Step, now_ms: int, places: Places) -> list[int]:
    """Open letters since the rule was turned on whose time has come, and that no job has in hand."""
    rows = matching(rule).filter(status=DeadLetter.Status.OPEN, pk__gt=rule.since_letter)
    tries = range(min(step.most, settings.DASHBOARD.dead_letters.max_redrives) or 1)
    found: list[int] = []
    for redrives in tries:
        before = due_before_ms(step, redrives, now_ms)
        if before is None:
            continue
        due = rows.filter(received_ms__lte=before)
        due = due.filter(redrives=redrives) if step.kind == "redrive" else due
        key = (rule.pk, step.name, redrives)
        places[key] = _look_on(rule, step, due, places.get(key, BEGIN), found)
    return found


def _look_on(
    rule: HandlerRule, step: Step, rows: QuerySet[DeadLetter], at: tuple[int, int], found: list[int]
) -> tuple[int, int]:
    """Add what is free among the next letters, oldest first (as an index has them); where to go on."""
    enough = len(found) + AT_ONCE
    for _ in range(MOST_PAGES):
        ahead = rows.filter(received_ms__gte=at[0]).exclude(received_ms=at[0], pk__lte=at[1])
        page = list(ahead.order_by("received_ms", "pk").values_list("received_ms", "pk")[:AT_ONCE])
        free = _not_fired(rule, step, (id for _, id in page))
        busy = busy_letters(free) if free else set()
        found += [id for id in free if id not in busy]
        if len(page) < AT_ONCE:
            return BEGIN
        at = page[-1]
        if len(found) >= enough:
            break
    return at


def _not_fired(rule: HandlerRule, step: Step, ids: Iterable[int]) -> list[int]:
    wanted = list(ids)
    known = Firing.objects.filter(
        rule=rule, step=step.name, letter__in=wanted, tried=rule.mode == HandlerRule.Mode.TRIED
    )
    told = set(known.values_list("letter", flat=True))
    return [id for id in wanted if id not in told]


def _held(told: Rule) -> bool:
    wanted = {hold.breaker for hold in told.holds}
    return bool(wanted) and any(
        view.breaker.name in wanted and view.breaker.state in OPEN_STATES and not view.stale
        for view in list_breakers(transitions=0)
    )


def _forget(now_ms: int) -> None:
    """What fired for letters that are surely gone, a bounded number."""
    kept = settings.INGEST.retention
    before = now_ms - int((kept.dead_letters + kept.archived_letters) * 1000)
    old = Firing.objects.filter(at_ms__lt=before).values_list("pk", flat=True)[:AT_ONCE]
    Firing.objects.filter(pk__in=list(old)).delete()
