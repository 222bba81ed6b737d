"""The forms by which people hush alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms

from dashboard.alerts.models import Silence
from dashboard.alerts.silences import LONGEST_COMMENT, Wanted

__all__ = ["MINUTES", "MaintenanceForm", "SilenceForm"]

MINUTES = (
    (60, "an hour"),
    (240, "4 hours"),
    (1440, "a day"),
    (4320, "3 days"),
    (10080, "a week"),
    (43200, "30 days"),
)
LONGEST_TEXT = 5000


def _control(
    kind: type[forms.Widget], classes: str = "form-control", **attributes: Any
) -> forms.Widget:
    return kind(attrs={"class": classes, **attributes})


def _matchers(prefix: str) -> forms.CharField:
    return forms.CharField(
        label="What is to be hushed, a matcher a line",
        max_length=LONGEST_TEXT,
        widget=_control(
            forms.Textarea,
            rows=3,
            placeholder="consumer = payment\nrule =~ latency-p95|latency-p99",
            spellcheck="false",
            **{"data-matchers": prefix},
        ),
    )


def _comment() -> forms.CharField:
    return forms.CharField(
        label="Why",
        max_length=LONGEST_COMMENT,
        widget=_control(forms.TextInput, autocomplete="off"),
    )


class SilenceForm(forms.Form):
    """From now on, for a while."""

    matchers = _matchers("silence")
    minutes = forms.TypedChoiceField(
        label="For", choices=MINUTES, coerce=int, widget=_control(forms.Select, "form-select")
    )
    comment = _comment()

    def wanted(self, now_ms: int) -> Wanted:
        """What a valid form asks for."""
        given = self.cleaned_data
        return Wanted(
            matchers=given["matchers"].splitlines(),
            ends_ms=now_ms + given["minutes"] * 60_000,
            comment=given["comment"],
        )


class MaintenanceForm(forms.Form):
    """At a time that is planned, once or each week."""

    matchers = _matchers("maintenance")
    starts = forms.DateTimeField(
        label="From",
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=_control(forms.DateTimeInput, type="datetime-local"),
    )
    hours = forms.FloatField(
        label="Hours",
        min_value=0.25,
        max_value=2160,
        initial=2,
        widget=_control(forms.NumberInput, step="0.25"),
    )
    zone = forms.CharField(
        label="By the clocks of",
        max_length=60,
        initial="UTC",
        widget=_control(forms.TextInput, autocomplete="off", **{"data-zone": ""}),
    )
    weekly = forms.BooleanField(
        label="Each week at this time",
        required=False,
        widget=_control(forms.CheckboxInput, "form-check-input"),
    )
    comment = _comment()

    def clean_zone(self) -> str:
        zone = str(self.cleaned_data["zone"])
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, LookupError) as error:
            raise forms.ValidationError("Write a time zone such as Europe/Berlin.") from error
        return zone

    def wanted(self) -> Wanted:
        """What a valid form asks for; the time is of the zone's clocks."""
        given = self.cleaned_data
        shown: datetime = given["starts"].replace(tzinfo=ZoneInfo(given["zone"]))
        starts_ms = round(shown.timestamp() * 1000)
        return Wanted(
            matchers=given["matchers"].splitlines(),
            starts_ms=starts_ms,
            ends_ms=starts_ms + round(given["hours"] * 3_600_000),
            comment=given["comment"],
            kind=Silence.Kind.MAINTENANCE,
            weekly=given["weekly"],
            zone=given["zone"],
        )
