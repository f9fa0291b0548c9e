"""Preferences: whether the product mails one person about trouble."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connectors.models import Role, User
from connectors.web.permissions import memberships_of
from connectors.web.request_helpers import see_other


class PreferencesForm(forms.Form):
    trouble_mails = forms.BooleanField(required=False)


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def preferences(request: HttpRequest) -> HttpResponseBase:
    user = User.objects.get(pk=request.user.pk or 0)
    is_admin = memberships_of(user.pk).filter(role=Role.ADMIN).exists()
    form = PreferencesForm(
        request.POST if request.method == "POST" else None, initial={"trouble_mails": user.trouble_mails}
    )
    if request.method == "POST":
        if is_admin and form.is_valid():
            User.objects.filter(pk=user.pk).update(**form.cleaned_data)
            messages.success(request, _("Saved."))
        return see_other("preferences")
    return render(request, "connectors/preferences.html", {"form": form, "is_admin": is_admin})
