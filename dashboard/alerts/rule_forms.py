"""The form of a rule: the keys of ``[[alerts.rules]]`` as fields, with the same messages."""

from __future__ import annotations

import re
from typing import Any

from django import forms

from dashboard.alerts.ruleset import longest_s
from dashboard.measures import ALL, DIMENSIONS, MEASURES
from dashboard.rule_options import RuleOptions, problems_of
from eventscope.durations import DurationError, format_duration, parse_duration
from ingest.sections import Duration

__all__ = ["RuleForm", "initial_of"]

CONTROL = {"class": "form-control", "autocomplete": "off", "spellcheck": "false"}
SELECT = {"class": "form-select"}
LISTS = ("types", "sources", "consumers", "topics", "members")
BY_WORDS = {"": "as usual", ALL: "nothing, as a whole"}
NO_DATA = (
    ("keep", "keeps its state"),
    ("firing", "counts as trouble"),
    ("ok", "counts as well"),
)
OF_FORM = {"above": "limit", "below": "limit"}
"""Where a message about a key stands on the form."""


def _text(label: str, help_text: str = "", *, required: bool = False, **given: Any) -> Any:
    return forms.CharField(
        label=label,
        required=required,
        max_length=given.pop("max_length", 1000),
        widget=forms.TextInput(attrs={**CONTROL, **given}),
        help_text=help_text,
    )


def _choice(label: str, choices: Any, help_text: str = "") -> Any:
    return forms.ChoiceField(
        label=label,
        choices=choices,
        required=False,
        widget=forms.Select(attrs=SELECT),
        help_text=help_text,
    )


class RuleForm(forms.Form):
    """``options`` are there once it is valid."""

    name = _text("Name", "Small letters, digits, hyphens.", required=True, max_length=63)
    title = _text("Title", "What people read; made of the name if empty.", max_length=200)
    metric = _choice("Metric", [(one.name, one.title) for one in MEASURES.values()])
    side = _choice("Holds", [("above", "above"), ("below", "below")])
    limit = _text("Limit", "250ms, 2%, or a number.", required=True, max_length=40)
    clear = _text("Clear at", "Empty: a fifth inside the limit.", max_length=40)
    for_ = _text("For", "Seen to hold so long before it fires.", max_length=40)
    keep_firing_for = _text("Keeps firing for", "Clear so long before it resolves.", max_length=40)
    minimum = forms.FloatField(
        label="Minimum volume",
        required=False,
        widget=forms.NumberInput(attrs={**CONTROL, "min": 0, "step": "any"}),
        help_text="Fewer are no alarm.",
    )
    by = _choice(
        "Told apart by", [(name, BY_WORDS.get(name, name)) for name in ("", *DIMENSIONS, ALL)]
    )
    types = _text("Event types", "Names or globs, with commas; empty is all.", max_length=4000)
    sources = _text("Sources", max_length=4000)
    consumers = _text("Consumers", max_length=4000)
    topics = _text("Topics", max_length=4000)
    members = _text("Members", "By the name of what fires.", max_length=4000)
    severity = _choice("Severity", [("warning", "warning"), ("critical", "critical")])
    no_data = _choice("While it cannot be measured", NO_DATA)
    owner = _text("Owner", "A label to route by.", max_length=200)
    runbook = _text("Runbook", "http or https.", inputmode="url")
    enabled = forms.BooleanField(
        label="On", required=False, widget=forms.CheckboxInput(attrs={"class": "form-check-input"})
    )

    options: RuleOptions

    def clean_for_(self) -> Duration:
        return _duration(self.cleaned_data["for_"])

    def clean_keep_firing_for(self) -> Duration:
        return _duration(self.cleaned_data["keep_firing_for"])

    def clean(self) -> dict[str, Any]:
        """What the keys say of each other and of the metric."""
        told: dict[str, Any] = super().clean() or {}
        if self.errors:
            return told
        self.options = _options(told)
        for field, message in problems_of(self.options, longest_s=longest_s()):
            name = "for_" if field == "for" else OF_FORM.get(field, field)
            self.add_error(name, message)
        return told


def initial_of(options: RuleOptions) -> dict[str, Any]:
    """What the form of a rule begins with."""
    side = "above" if options.below is None else "below"
    limit = options.above if options.below is None else options.below
    return {
        "name": options.name,
        "title": options.title,
        "metric": options.metric,
        "side": side,
        "limit": _shown(limit),
        "clear": _shown(options.clear),
        "for_": _span(options.for_),
        "keep_firing_for": _span(options.keep_firing_for),
        "minimum": options.minimum or None,
        "by": options.by,
        **{name: ", ".join(getattr(options, name)) for name in LISTS},
        "severity": options.severity,
        "no_data": options.no_data,
        "owner": options.owner,
        "runbook": options.runbook,
        "enabled": options.enabled,
    }


def _options(told: dict[str, Any]) -> RuleOptions:
    return RuleOptions(
        name=told["name"],
        metric=told["metric"],
        title=told["title"],
        above=told["limit"] if told["side"] != "below" else None,
        below=told["limit"] if told["side"] == "below" else None,
        clear=told["clear"] or None,
        for_=told["for_"],
        keep_firing_for=told["keep_firing_for"],
        minimum=told["minimum"] or 0,
        by=told["by"],
        severity=told["severity"] or "warning",
        no_data=told["no_data"] or "keep",
        owner=told["owner"],
        runbook=told["runbook"],
        enabled=told["enabled"],
        **{name: _listed(told[name]) for name in LISTS},
    )


def _duration(text: str) -> Duration:
    try:
        return Duration(parse_duration(text or "0s"))
    except DurationError as error:
        raise forms.ValidationError(str(error)) from error


def _span(seconds: float) -> str:
    return format_duration(seconds) if seconds else "0s"


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in (one.strip() for one in re.split(r"[,\n]", text)) if part)


def _shown(limit: float | str | None) -> str:
    """A number as a person writes it."""
    return "" if limit is None else limit if isinstance(limit, str) else f"{limit:.12g}"
