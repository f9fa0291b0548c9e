"""Forms of sources: an address with keys, or new keys for an address that is followed."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from exporter.actions import sources
from exporter.models import Source
from exporter.models.sources import Begin
from exporter.sources import address
from exporter.sources.address import BadAddress

_SECRETS = {
    "s3": ("access_key_id", "secret_access_key"),
    "gs": ("service_account_key",),
    "az": ("account_key", "sas_key"),
}
_OPTIONS = {"s3": ("region", "endpoint"), "gs": ("endpoint",), "az": ("account_name", "endpoint")}
ALL_SECRETS = [name for names in _SECRETS.values() for name in names]


class KeysForm(forms.Form):
    """Of the fields only those of the source's kind are looked at."""

    region = forms.CharField(label=gettext_lazy("Region"), max_length=100, required=False)
    endpoint = forms.URLField(label=gettext_lazy("Endpoint"), required=False, assume_scheme="https")
    account_name = forms.CharField(label=gettext_lazy("Storage account"), max_length=100, required=False)
    access_key_id = forms.CharField(label=gettext_lazy("Access key ID"), max_length=200, required=False)
    secret_access_key = forms.CharField(
        label=gettext_lazy("Secret access key"), max_length=500, required=False
    )
    service_account_key = forms.CharField(
        label=gettext_lazy("Service account key (JSON)"), max_length=10_000, required=False
    )
    account_key = forms.CharField(label=gettext_lazy("Account key"), max_length=500, required=False)
    sas_key = forms.CharField(label=gettext_lazy("SAS token"), max_length=2_000, required=False)

    kind = ""

    def __init__(self, data: Any, *, may_lend: bool, source: Source | None = None) -> None:
        """`may_lend`: the person looks after the installation, so may let a workspace use the server's own rights."""
        super().__init__(data, initial=source.options if source else None)
        self._may_lend = may_lend
        if source is not None:
            self.kind = address.parse(source.url).kind

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.kind in _SECRETS and not self._may_lend and not any(data.get(n) for n in _SECRETS[self.kind]):
            self.add_error(
                _SECRETS[self.kind][0], _("Enter the key of an account that may read this bucket.")
            )
        if self.kind == "az" and not data.get("account_name"):
            self.add_error("account_name", _("Enter the name of the storage account."))
        return data

    def secrets(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in _SECRETS.get(self.kind, ())}

    def options(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in _OPTIONS.get(self.kind, ())}


class SourceForm(KeysForm):
    url = forms.CharField(label=gettext_lazy("Address"), max_length=1000)
    begin = forms.ChoiceField(label=gettext_lazy("Read from"), choices=Begin.choices, initial=Begin.NOW)
    day = forms.DateField(label=gettext_lazy("Day"), required=False)

    def clean_url(self) -> str:
        try:
            self.kind = address.parse(self.cleaned_data["url"]).kind
        except BadAddress as error:
            raise forms.ValidationError(str(error)) from None
        return str(self.cleaned_data["url"])

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        if data.get("begin") == Begin.DAY and not data.get("day"):
            self.add_error("day", _("Choose the day."))
        return data

    def wish(self) -> sources.Wish:
        data = self.cleaned_data
        day = datetime.combine(data["day"], time(), UTC) if data["begin"] == Begin.DAY else None
        return sources.Wish(data["url"], Begin(data["begin"]), day, self.options(), self.secrets())
