"""What people write about a search they keep."""

from __future__ import annotations

from django import forms

__all__ = ["SearchForm", "first_error"]


class SearchForm(forms.Form):
    """Name, description and whether others see it; ``state`` only where the list itself is kept."""

    name = forms.CharField(max_length=80)
    description = forms.CharField(max_length=300, required=False)
    shared = forms.BooleanField(required=False)
    state = forms.CharField(required=False)


def first_error(form: forms.BaseForm) -> str:
    """The first thing that is wrong with ``form``, with the name of its field."""
    field, errors = next(iter(form.errors.items()))
    return f"{field}: {errors[0]}"
