"""What is asked before letters are put back or discarded."""

from __future__ import annotations

from typing import Any

from django import forms

from dashboard.recovery.actions import FASTEST, LONGEST_NOTE, MOST_CANARIES, Options
from dashboard.recovery.models import HandlerRule
from dashboard.recovery.rule_steps import StepError, read_rule
from dashboard.recovery.topics import NOT_WATCHED, topic_refusal, watched_topics

__all__ = [
    "DiscardForm",
    "EditForm",
    "ImportForm",
    "PatchForm",
    "RedirectForm",
    "RedriveForm",
    "RestoreForm",
    "RuleForm",
]

CONTROL = {"class": "form-control"}
CHECK = {"class": "form-check-input"}


def _note(label: str, *, required: bool, help_text: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs={**CONTROL, "rows": 2})
    return forms.CharField(
        label=label,
        required=required,
        max_length=LONGEST_NOTE,
        widget=widget,
        help_text=help_text,
    )


def _lines(text: str) -> str:
    """As it was typed: forms send every line end as two characters."""
    return text.replace("\r\n", "\n")


class RedriveForm(forms.Form):
    """Every field may be left as it is."""

    canary = forms.IntegerField(
        label="Canaries",
        initial=5,
        min_value=0,
        max_value=MOST_CANARIES,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text="Sent first. The rest follows only when they are processed; 0 for none.",
    )
    canary_percent = forms.FloatField(
        label="Of them may fail, %",
        initial=0,
        min_value=0,
        max_value=99,
        widget=forms.NumberInput(attrs=CONTROL),
        help_text="More, and the job stops itself.",
    )
    rate = forms.FloatField(
        label="At most a second",
        required=False,
        min_value=0.01,
        max_value=FASTEST,
        widget=forms.NumberInput(attrs={**CONTROL, "placeholder": "no limit"}),
        help_text="Letters a second; empty for no limit.",
    )
    start = forms.DateTimeField(
        label="Not before (UTC)",
        required=False,
        widget=forms.DateTimeInput(attrs={**CONTROL, "type": "datetime-local"}),
        help_text="Empty: at once.",
    )
    heed = forms.BooleanField(
        label="Wait while a consumer cannot take them",
        required=False,
        initial=True,
        widget=forms.CheckboxInput(attrs=CHECK),
        help_text="Its breaker is open, it is unhealthy, or its lag grows.",
    )
    in_order = forms.BooleanField(
        label="In order of each entity",
        required=False,
        widget=forms.CheckboxInput(attrs=CHECK),
        help_text="The next event of an order goes when the one before is processed.",
    )
    note = _note("Why (for the others)", required=False)

    def options(self) -> Options:
        """The cleaned values."""
        told = self.cleaned_data
        start = told["start"]
        return Options(
            rate_per_second=told["rate"],
            canary=told["canary"],
            canary_share=told["canary_percent"] / 100,
            in_order=told["in_order"],
            heed=told["heed"],
            start_ms=None if start is None else round(start.timestamp() * 1000),
            note=told["note"],
        )


class RedirectForm(RedriveForm):
    """A redrive to one topic for all. A topic that is not watched is asked about once more."""

    topic = forms.CharField(
        label="To the topic",
        max_length=255,
        widget=forms.TextInput(attrs={**CONTROL, "list": "topics", "autocomplete": "off"}),
    )
    unknown = forms.BooleanField(
        label="Send there although it is not watched",
        required=False,
        widget=forms.CheckboxInput(attrs=CHECK),
        help_text="What becomes of the events cannot be seen then. The topic must be on the broker.",
    )
    field_order = ("topic", "unknown")

    @property
    def topics(self) -> list[str]:
        return watched_topics()

    def clean(self) -> dict[str, Any] | None:
        told = super().clean() or {}
        topic = told.get("topic", "")
        refusal = topic_refusal(topic, unwatched=bool(told.get("unknown"))) if topic else ""
        if refusal:
            confirm = " Tick below if you are sure." if refusal == NOT_WATCHED else ""
            self.add_error("topic", refusal + confirm)
        return told


class EditionForm(forms.Form):
    """Why, which is asked for when it is sent; to look at the difference needs no reason."""

    note = _note("Why", required=False, help_text="Kept with what was done, and in the audit log.")
    note.widget.attrs["required"] = True

    def clean_note(self) -> str:
        note: str = self.cleaned_data["note"]
        if "send" in self.data and not note:
            raise forms.ValidationError(self.fields["note"].error_messages["required"])
        return note


class EditForm(EditionForm):
    """An event as text, the headers that may be changed, and why."""

    event = forms.CharField(
        strip=False,
        widget=forms.Textarea(
            attrs={**CONTROL, "spellcheck": "false", "autocapitalize": "off", "wrap": "off"}
        ),
    )
    headers = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={**CONTROL, "rows": 5, "spellcheck": "false", "wrap": "off"}),
        help_text="One header a line, as name: value. Those that tell events apart stay as they are.",
    )

    def clean_event(self) -> str:
        return _lines(self.cleaned_data["event"])

    def clean_headers(self) -> str:
        return _lines(self.cleaned_data["headers"])


class DiscardForm(forms.Form):
    """Letters are never put aside silently."""

    note = _note("Why", required=True)

    def options(self) -> Options:
        return Options(note=self.cleaned_data["note"])


class RestoreForm(DiscardForm):
    """To take it back needs no reason."""

    note = _note("Why (for the others)", required=False)


class ImportForm(forms.Form):
    """A file of exported letters, and the broker that they are to be put back on."""

    file = forms.FileField(
        label="NDJSON",
        widget=forms.FileInput(attrs={**CONTROL, "accept": ".ndjson,application/x-ndjson"}),
        help_text="One letter a line. Every line is checked first; one that is wrong, and nothing is imported.",
    )
    broker = forms.ChoiceField(label="Broker", widget=forms.Select(attrs={"class": "form-select"}))

    def __init__(self, *args: Any, brokers: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields["broker"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(name, name) for name in brokers]


class RuleForm(forms.Form):
    """Which letters, and what is done to them."""

    match = forms.ChoiceField(
        label="Letters of the",
        choices=HandlerRule.Match.choices,
        widget=forms.Select(attrs={"class": "form-select"}),
    )
    value = forms.CharField(
        label="Named",
        max_length=200,
        widget=forms.TextInput(attrs={**CONTROL, "autocomplete": "off"}),
        help_text="An error type, * for any; or the id of a failure, as in its address.",
    )
    actions = forms.CharField(
        label="One thing a line",
        max_length=2000,
        widget=forms.Textarea(attrs={**CONTROL, "rows": 4, "spellcheck": "false"}),
        help_text="notify-admin, log, redrive after 5m up to 3, discard after 7d, hold while breaker NAME is open",
    )

    def clean_actions(self) -> list[str]:
        try:
            return read_rule(self.cleaned_data["actions"].splitlines()).texts
        except StepError as error:
            raise forms.ValidationError(str(error)) from error


class PatchForm(EditionForm):
    """A JSON Patch for all of them, and why."""

    patch = forms.CharField(
        label="JSON Patch",
        widget=forms.Textarea(
            attrs={
                **CONTROL,
                "rows": 8,
                "spellcheck": "false",
                "placeholder": '[{"op": "replace", "path": "/payload/currency", "value": "EUR"}]',
            }
        ),
        help_text="RFC 6902: add, remove, replace, move, copy, test; a test that fails leaves the letter out.",
    )
    field_order = ("patch", "note")
