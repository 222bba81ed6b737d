"""What people fill in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import validate_password

from dashboard.accounts.models import Role, User

__all__ = ["PasswordForm", "SignInForm", "TokenForm", "UserChangeForm", "UserForm"]

CONTROL = {"class": "form-control"}
SELECT = {"class": "form-select"}


class SignInForm(AuthenticationForm):
    """Name and password; the answer does not tell which of the two is wrong."""

    error_messages = {  # noqa: RUF012 (Django's own attribute)
        **AuthenticationForm.error_messages,
        "invalid_login": "Name or password is wrong. Upper and lower case matter in both.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.update(CONTROL)


class PasswordForm(forms.Form):
    """A new password; the present one is asked for if there is one."""

    current = forms.CharField(
        label="Present password",
        widget=forms.PasswordInput(attrs={**CONTROL, "autocomplete": "current-password"}),
    )
    new = forms.CharField(
        label="New password",
        widget=forms.PasswordInput(attrs={**CONTROL, "autocomplete": "new-password"}),
        help_text="At least 8 characters, and not a common one.",
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user
        if not user.has_usable_password():
            del self.fields["current"]

    def clean_current(self) -> str:
        if not self.user.check_password(self.cleaned_data["current"]):
            raise forms.ValidationError("That is not your present password.")
        return self.cleaned_data["current"]

    def clean_new(self) -> str:
        validate_password(self.cleaned_data["new"], self.user)
        return self.cleaned_data["new"]


class UserForm(forms.ModelForm):
    """Somebody new."""

    class Meta:
        model = User
        fields = ("username", "role")
        help_texts = {"username": ""}  # noqa: RUF012
        labels = {"username": "Name"}  # noqa: RUF012
        widgets = {  # noqa: RUF012
            "username": forms.TextInput(attrs={**CONTROL, "autocomplete": "off"}),
            "role": forms.Select(attrs=SELECT),
        }


class UserChangeForm(forms.Form):
    """Role of, and entry for, somebody who is there."""

    role = forms.ChoiceField(choices=Role.choices)
    active = forms.BooleanField(required=False)


class TokenForm(forms.Form):
    """A token to make."""

    name = forms.CharField(
        max_length=100, widget=forms.TextInput(attrs={**CONTROL, "autocomplete": "off"})
    )
    role = forms.ChoiceField(choices=Role.choices, widget=forms.Select(attrs=SELECT))
