"""Preferences: how the product looks to one person, in which zone it tells times, and whether it mails them about
trouble. The language is chosen at the top of every page."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from connectors.models import Role, Theme, User
from connectors.web import time_zone
from connectors.web.permissions import memberships_of
from connectors.web.request_helpers import REFUSED, see_other

THEMES = (("", gettext_lazy("As the device")), *Theme.choices)


class PreferencesForm(forms.Form):
    theme = forms.ChoiceField(label=gettext_lazy("Theme"), choices=THEMES, required=False)
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), required=False)

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name and time_zone.known(name) is None:
            raise ValidationError(
                _("“%(name)s” is no time zone. Enter one such as Europe/Berlin, or nothing."),
                params={"name": name[:80]},
            )
        return name


class AdminPreferencesForm(PreferencesForm):
    trouble_mails = forms.BooleanField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def preferences(request: HttpRequest) -> HttpResponseBase:
    user = User.objects.get(pk=request.user.pk or 0)
    is_admin = memberships_of(user.pk).filter(role=Role.ADMIN).exists()
    kind = AdminPreferencesForm if is_admin else PreferencesForm
    form = kind(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(user, name) for name in kind.base_fields},
    )
    if form.is_bound and form.is_valid():
        User.objects.filter(pk=user.pk).update(**form.cleaned_data)
        messages.success(request, _("Saved."))
        return see_other("preferences")
    context = {"form": form, "is_admin": is_admin, "zones": time_zone.offered()}
    return render(request, "connectors/preferences.html", context, status=REFUSED if form.is_bound else 200)
