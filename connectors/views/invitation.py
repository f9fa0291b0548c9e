"""The page behind the link of an invitation: join, as somebody new or as somebody we know."""

from __future__ import annotations

from allauth.account.utils import perform_login
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from connectors.models import Invitation, User
from connectors.web import client_address
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, see_other
from connectors.workspaces import invitations


class JoinForm(forms.Form):
    """What somebody new gives: a name and a password."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=150,
        error_messages={"required": gettext_lazy("Enter your name; others see it beside what you change.")},
    )
    password1 = forms.CharField(label=gettext_lazy("Password"), strip=False)
    password2 = forms.CharField(label=gettext_lazy("The same again"), strip=False)

    def __init__(self, *args: object, email: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self.email = email

    def clean_password1(self) -> str:
        chosen: str = self.cleaned_data["password1"]
        validate_password(chosen, User(email=self.email, name=self.data.get("name", "")))
        return chosen

    def clean_password2(self) -> str:
        again: str = self.cleaned_data["password2"]
        if "password1" in self.cleaned_data and again != self.cleaned_data["password1"]:
            raise ValidationError(_("The two passwords differ."))
        return again


@never_cache
@sensitive_post_parameters("password1", "password2")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, secret: str) -> HttpResponseBase:
    found = invitations.find(secret)
    if found is None:
        return render(request, "account/invitation_over.html", status=410)
    known = User.objects.filter(email=found.email).first()
    if known is not None and (known.came_in or not known.is_active):
        return _known(request, found)
    form = JoinForm(request.POST if request.method == "POST" else None, email=found.email)
    if request.method == "POST" and form.is_valid():
        user = _person(found, form.cleaned_data["name"], form.cleaned_data["password1"])
        if user is not None:
            return _join(request, found, user) or perform_login(
                request, user, redirect_url=resolve_url("data_export", found.workspace.slug)
            )
    context = {"invitation": found, "form": form, "step": "new"}
    return render(request, "account/invitation.html", context, status=REFUSED if form.is_bound else 200)


def _known(request: HttpRequest, found: Invitation) -> HttpResponseBase:
    """Somebody with a password signs in first; who is signed in as somebody else is told."""
    user = request.user
    if isinstance(user, User) and user.email == found.email and request.method == "POST":
        return _join(request, found, user) or see_other("data_export", found.workspace.slug)
    step = "sign_in"
    if isinstance(user, User):
        step = "join" if user.email == found.email else "other"
    status = REFUSED if request.method == "POST" else 200
    return render(request, "account/invitation.html", {"invitation": found, "step": step}, status=status)


def _person(found: Invitation, name: str, password: str) -> User | None:
    """The account, made or completed; None where somebody else did it a moment ago."""
    try:
        with transaction.atomic():
            user = User.objects.select_for_update().filter(email=found.email).first()
            if user is None:
                return User.objects.create_user(found.email, password, name=name)
            if user.came_in:
                return None
            user.name = name
            user.set_password(password)
            user.save(update_fields=["name", "password"])
            return user
    except IntegrityError:
        return None


def _join(request: HttpRequest, found: Invitation, user: User) -> HttpResponse | None:
    try:
        invitations.accept(found, user, client_address.client_of(request))
    except invitations.InvitationRefused as refused:
        return render(request, "account/invitation_over.html", {"refused": str(refused)}, status=IN_THE_WAY)
    return None
