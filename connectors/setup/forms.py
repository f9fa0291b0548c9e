"""The forms of a connector. Others rely on their field names."""

from __future__ import annotations

import unicodedata
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector, Region
from connectors.setup import key_check
from connectors.setup.lifecycle import EDITED, Settings
from connectors.web.field_remarks import Remarked
from connectors.web.language import of_person

NAME_LENGTH, ADDRESS_LENGTH = 100, 254


class DetailsForm(Remarked):
    """A connector's name, contact, mails and exported events; `version` is the version the form was made from."""

    name = forms.CharField(
        label=gettext_lazy("Integration name"),
        error_messages={"required": gettext_lazy("Give the Current a name.")},
    )
    contact_email = forms.CharField(
        label=gettext_lazy("Contact email"),
        error_messages={"required": gettext_lazy("Enter the address that should hear about trouble.")},
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Language of mails"),
        choices=settings.LANGUAGES,
        required=False,
        initial=get_language,
    )
    weekly_mail = forms.BooleanField(
        label=gettext_lazy("Also send a mail after each week without trouble"), required=False
    )
    include_anonymous = forms.BooleanField(
        label=gettext_lazy("Include events from anonymous users"), required=False
    )
    selected_events = forms.Field(label=gettext_lazy("Events"), required=False)

    def clean_name(self) -> str:
        """One line without invisible characters, in any script."""
        typed: str = self.cleaned_data["name"]
        spaced = "".join(" " if unicodedata.category(sign) in ("Cc", "Zl", "Zp") else sign for sign in typed)
        # Joiners belong to emoji and to several scripts; all other invisible characters are removed.
        name = "".join(
            sign for sign in spaced if unicodedata.category(sign) != "Cf" or sign in "\u200c\u200d"
        )
        name = " ".join(name.split())
        if not name.strip("\u200c\u200d"):
            raise ValidationError(_("Give the Current a name."))
        if len(name) > NAME_LENGTH:
            raise ValidationError(
                _("The name has %(n)s characters; %(most)s are allowed."),
                params={"n": len(name), "most": NAME_LENGTH},
            )
        return name

    def clean_contact_email(self) -> str:
        address: str = self.cleaned_data["contact_email"].strip().removeprefix("mailto:")
        _refuse_several(address)
        if len(address) > ADDRESS_LENGTH:
            raise ValidationError(_("That is too long for an email address."))
        try:
            validate_email(address)
        except ValidationError:
            raise ValidationError(
                _("That is not an email address. It needs a name, an @ and a domain, as in data@example.com.")
            ) from None
        return address

    def clean_selected_events(self) -> list[str]:
        """Event types as the catalogue spells them, each once; aliases are accepted."""
        chosen = self.chosen()
        unknown = [name for name in chosen if name not in CATALOGUE.by_name]
        if unknown:
            raise ValidationError(
                _("“%(name)s” is not a known event type. Choose from the list below."),
                params={"name": unknown[0][:80]},
            )
        if not chosen:
            raise ValidationError(_("Choose at least one event."))
        return chosen

    def chosen(self) -> list[str]:
        """The events ticked in this form, whether it was submitted or is shown for the first time."""
        if not self.is_bound:
            return list(self.initial.get("selected_events", []))
        read = getattr(self.data, "getlist", None)
        names = read("selected_events") if read else self.data.get("selected_events", [])
        return list(dict.fromkeys(CATALOGUE.canonical(name) for name in names))

    def settings(self) -> Settings:
        data = self.cleaned_data
        return Settings(**{name: data[name] for name in EDITED})

    @staticmethod
    def values_of(connector: Connector) -> dict[str, Any]:
        return {
            "name": connector.name,
            "contact_email": connector.contact_email,
            "language": of_person(connector.language),
            "weekly_mail": connector.weekly_mail,
            "selected_events": sorted(connector.selected_events),
            "include_anonymous": connector.include_anonymous,
        }


class KeyForm(Remarked):
    """A write key and the region it belongs to. The key is never shown again."""

    write_key = forms.CharField(label=gettext_lazy("Segment write key"), strip=False, required=False)
    region = forms.ChoiceField(
        label=gettext_lazy("Segment region"),
        choices=Region.choices,
        error_messages={
            "required": gettext_lazy("Choose the region of your Segment workspace."),
            "invalid_choice": gettext_lazy("Choose United States or European Union."),
        },
    )

    @property
    def left_to_mend(self) -> list[str]:
        """The key is entered again in any case: it does not come back with the form."""
        return [name for name in self.fields if name in self.errors or (self.errors and name == "write_key")]

    def clean_write_key(self) -> str:
        examined = key_check.examine(self.cleaned_data["write_key"])
        if examined.corrections and not examined.error:
            self.corrections["write_key"] = examined.corrections
        if examined.error:
            raise ValidationError(examined.error)
        if examined.warnings:
            self.warnings["write_key"] = examined.warnings
        return examined.value


class LaunchForm(KeyForm, DetailsForm):
    field_order = (
        "name",
        "contact_email",
        "language",
        "weekly_mail",
        "write_key",
        "region",
        "selected_events",
    )


class RotateForm(KeyForm):
    """Without a region, the connector keeps the one it has."""

    def __init__(self, *args: Any, current: str, **kwargs: Any) -> None:
        super().__init__(*args, initial={"region": current}, **kwargs)
        self.fields["region"].required = False
        self.current = current

    def clean_region(self) -> str:
        return self.cleaned_data["region"] or self.current


def _refuse_several(address: str) -> None:
    """Refuses a list of addresses with their number; one address with a stray comma is left to the usual check."""
    addresses = [part for part in address.replace(",", " ").replace(";", " ").split() if "@" in part]
    if len(addresses) == 2:
        raise ValidationError(
            _("That is two addresses. Enter one; for several people, use the address of a group.")
        )
    if len(addresses) > 2:
        raise ValidationError(
            ngettext(
                "That is %(n)s address. Enter one; for several people, use the address of a group.",
                "That is %(n)s addresses. Enter one; for several people, use the address of a group.",
                len(addresses),
            )
            % {"n": len(addresses)}
        )
