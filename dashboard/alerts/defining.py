"""From what people write to rules and back; whose definition of a name counts. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dashboard.alerts.rule import CONFIGURED, OWN, ROOM_FOR_CLEARING, Rule
from dashboard.measures import DIMENSIONS, MEASURES
from dashboard.rule_options import Limit, RuleOptions, read_limit
from ingest.sections import Duration

__all__ = ["Listed", "combine", "options_of", "rule_of", "write_limit"]


@dataclass(frozen=True)
class Listed:
    """A rule as it is now. ``own``: an admin wrote it so; ``replaces`` is what it would be without that.

    Its origin tells where the name was first given.
    """

    rule: Rule
    own: bool = False
    replaces: Rule | None = None


def rule_of(options: RuleOptions, *, origin: str, base: Rule | None = None) -> Rule:
    """The rule that is written (and has no problems). ``base`` is the built-in rule that it tunes: what
    cannot be written, its words and the limits of single consumers, stays if the metric does."""
    measure = MEASURES[options.metric]
    above = None if options.above is None else read_limit(options.above, measure.unit)
    below = None if options.below is None else read_limit(options.below, measure.unit)
    made = Rule(
        name=options.name,
        title=options.title or options.name.replace("-", " ").capitalize(),
        metric=options.metric,
        above=above,
        below=below,
        clear=_clear(options.clear, above, below, measure.unit),
        unit=measure.unit,
        severity=options.severity,
        explanation=measure.explanation,
        for_s=float(options.for_),
        clear_s=float(options.keep_firing_for),
        minimum=options.minimum,
        owner=options.owner,
        by=options.by,
        scope=tuple(options.scope().items()),
        members=options.members,
        no_data=options.no_data,
        runbook=options.runbook,
        origin=origin,
        enabled=options.enabled,
    )
    return made if base is None or base.metric != made.metric else _tuned(made, base)


def _tuned(made: Rule, base: Rule) -> Rule:
    return replace(
        made,
        explanation=base.explanation,
        page=base.page,
        overrides=base.overrides if made.below is None else {},
    )


def _clear(clear: Limit | None, above: float | None, below: float | None, unit: str) -> float:
    """As far inside the limit as the built-in ones are, if none is given."""
    if clear is not None:
        return read_limit(clear, unit)
    if above is not None:
        return above * ROOM_FOR_CLEARING
    return (below or 0.0) / ROOM_FOR_CLEARING


def options_of(rule: Rule) -> RuleOptions:
    """A rule as it would be written: what the form of a built-in one begins with."""
    scope = {f"{name}s": dict(rule.scope).get(name, ()) for name in DIMENSIONS}
    return RuleOptions(
        name=rule.name,
        metric=rule.metric,
        title=rule.title,
        above=None if rule.above is None else write_limit(rule.above, rule.unit),
        below=None if rule.below is None else write_limit(rule.below, rule.unit),
        clear=write_limit(rule.clear, rule.unit),
        for_=Duration(rule.for_s),
        keep_firing_for=Duration(rule.clear_s),
        minimum=rule.minimum,
        by=rule.by,
        members=rule.members,
        severity=rule.severity,  # type: ignore[arg-type]
        no_data=rule.no_data,  # type: ignore[arg-type]
        runbook=rule.runbook,
        owner=rule.owner,
        enabled=rule.enabled,
        **scope,
    )


def write_limit(value: float, unit: str) -> Limit:
    """``"0.1%"``, ``"250ms"``, or the number."""
    if unit == "share":
        return f"{_plain(value * 100)}%"
    return f"{_plain(value)}ms" if unit == "ms" else value


def _plain(value: float) -> str:
    """Without an exponent and without the dust of binary fractions."""
    digits = 12 - (math.floor(math.log10(value)) if value else 0)
    return f"{value:.{min(20, max(0, digits))}f}".rstrip("0").rstrip(".") or "0"


def combine(
    built_in: Iterable[Rule],
    configured: Iterable[RuleOptions],
    own: Mapping[str, RuleOptions],
) -> list[Listed]:
    """Every rule once: of one name an own definition counts before one of the configuration, and that
    before a built-in one."""
    base = {rule.name: rule for rule in built_in}
    found = {name: Listed(rule) for name, rule in base.items()}
    written = [(one, CONFIGURED) for one in configured] + [(one, OWN) for one in own.values()]
    for options, origin in written:
        made = rule_of(options, origin=origin, base=base.get(options.name))
        before = found.get(options.name)
        if before is not None:
            made = replace(made, origin=before.rule.origin)
        replaces = None if before is None else before.rule
        found[options.name] = Listed(made, own=origin == OWN, replaces=replaces)
    return list(found.values())
