"""The form field for somebody's address, wherever a person is named by it."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy


class AddressForm(forms.Form):
    """The address a person signs in with now or will sign in with later."""

    email = forms.EmailField(
        label=gettext_lazy("Email"),
        max_length=254,
        error_messages={
            "required": gettext_lazy("Enter the person’s email address."),
            "invalid": gettext_lazy("That is not an email address."),
        },
    )
