"""Rules of alerts as programs read and write them."""

from __future__ import annotations

from typing import Any, Literal

from ninja import Field
from pydantic import ConfigDict

from dashboard.api.shapes.base import Page, Shape

__all__ = [
    "AlertRuleBody",
    "AlertRuleChange",
    "AlertRuleDraft",
    "AlertRulePage",
    "AlertRuleShape",
    "BudgetPage",
    "TrialShape",
]

Limit = float | str | None


class AlertRuleChange(Shape):
    """What is to be changed of a rule; what is not given stays."""

    model_config = ConfigDict(**{**Shape.model_config, "extra": "forbid"})  # type: ignore[typeddict-item]

    metric: str = Field("", max_length=100)
    title: str = Field("", max_length=1000)
    above: Limit = Field(None, description='a number, "250ms" or "2%"; above or below')
    below: Limit = None
    clear: Limit = None
    for_: float | str = Field(60, alias="for", description='seconds, or "5m"')
    keep_firing_for: float | str = 60
    minimum: float = 0
    by: str = Field("", max_length=20)
    types: list[str] = Field([], max_length=50)
    sources: list[str] = Field([], max_length=50)
    consumers: list[str] = Field([], max_length=50)
    topics: list[str] = Field([], max_length=50)
    members: list[str] = Field([], max_length=50)
    severity: Literal["critical", "warning"] = "warning"
    no_data: Literal["keep", "firing", "ok"] = "keep"
    runbook: str = Field("", max_length=2000)
    owner: str = Field("", max_length=1000)
    enabled: bool = True

    def told(self) -> dict[str, Any]:
        """What was given, by the keys of the configuration."""
        given = self.model_dump(exclude_unset=True)
        return {name.rstrip("_"): value for name, value in given.items()}


class AlertRuleBody(AlertRuleChange):
    """A whole rule."""

    name: str = Field(max_length=63)
    metric: str = Field(max_length=100)


class AlertRuleDraft(Shape):
    """A rule to be tried, and how far back."""

    model_config = ConfigDict(**{**Shape.model_config, "extra": "forbid"})  # type: ignore[typeddict-item]

    rule: AlertRuleBody
    span: Literal["24h", "7d"] = "7d"


class AlertRuleShape(Shape):
    """Limits in the unit of the metric, times in seconds."""

    id: str = Field(description="its name")
    name: str
    title: str
    metric: str
    unit: str
    above: float | None
    below: float | None
    clear: float
    for_: float = Field(alias="for")
    keep_firing_for: float
    minimum: float
    by: str
    types: list[str]
    sources: list[str]
    consumers: list[str]
    topics: list[str]
    members: list[str]
    severity: str
    no_data: str
    runbook: str
    owner: str
    enabled: bool
    explanation: str
    origin: str = Field(description="built-in, configured or own: where the name was first given")
    own: bool = Field(
        description="an admin wrote it so; deleting brings back what it stands before"
    )
    open: int = Field(description="alerts that it has open")
    left_out: int = Field(description="members beyond its bound in the last round")


class AlertRulePage(Page):
    results: list[AlertRuleShape]


class FiredShape(Shape):
    subject: str
    from_: str | None = Field(alias="from")
    until: str | None
    peak: float | None
    ended: bool


class RuleMemberShape(Shape):
    subject: str
    value: float | None = Field(description="null: it cannot be measured")
    holds: bool


class TrialShape(Shape):
    sentence: str
    fired: int = Field(description="times")
    spans: list[FiredShape]
    known_share: float = Field(description="share of the time that was observed")
    known_since: str | None = Field(description="null: no later than was asked")
    members: list[RuleMemberShape] = Field(description="now, the worst first")
    left_out: int


class BudgetShape(Shape):
    id: str
    consumer: str | None
    allowed: float = Field(description="share of the handlings that may break it")
    limit_ms: float | None
    bad: int
    total: int
    left: float | None = Field(description="share of the budget; negative: overspent")


class BudgetPage(Page):
    results: list[BudgetShape]
