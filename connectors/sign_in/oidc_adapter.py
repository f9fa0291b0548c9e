"""Accounts that sign in at an OpenID Connect provider: only people who are known or invited are let in.

The provider names an address and vouches for it. The first time, its identity is bound to the account with that
address; from then on the identity counts, whatever its address, and no second one can be bound to that account.
"""

from __future__ import annotations

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from connectors.models import User
from connectors.sign_in import audit_trail
from connectors.web import client_address
from connectors.workspaces import invitations


class OidcAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Binds a new identity to the account with its address. Nobody can add a second one to an account.

        Raises:
            ImmediateHttpResponse: the page that says why this person is not let in.
        """
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            raise refusal(request, "", _("This only works on the sign-in page."))
        said, proved = _claims(sociallogin, "userinfo"), _claims(sociallogin, "id_token")
        if said and proved and said.get("sub") != proved.get("sub"):
            raise refusal(request, "", _("The provider’s answers are about two different people."))
        if sociallogin.is_existing:
            return
        address, vouched = _address(sociallogin)
        if not vouched:
            why = _(
                "The provider does not say that your address is verified. Whoever runs this server can choose to "
                "trust it anyway: CURRENTS_OIDC_TRUST_EMAIL."
            )
            raise refusal(request, address, why)
        user = _known_or_invited(request, address, str(said.get("name") or proved.get("name") or ""))
        if user is None:
            why = _("%(email)s has no account here. Ask an admin of a workspace to invite this address.")
            raise refusal(request, address, why % {"email": address})
        if not _bind(request, sociallogin, user):
            why = _(
                "%(email)s signs in here with another identity of the provider. Sign in with your password."
            )
            raise refusal(request, address, why % {"email": address})

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        audit_trail.refuse(request, "", gettext_noop("the provider’s answer was not accepted"))


def _claims(sociallogin: SocialLogin, source: str) -> dict[str, Any]:
    """What `userinfo` or the `id_token` says; empty if there is neither."""
    found = sociallogin.account.extra_data.get(source)
    return found if isinstance(found, dict) else {}


def _address(sociallogin: SocialLogin) -> tuple[str, bool]:
    """The address in lower case, and whether it counts: the provider calls it verified, or is trusted without. Some
    say so with a word instead of a truth value, and every word but an empty one would count as true."""
    trusted = settings.OIDC is not None and settings.OIDC.trust_email
    for told in sociallogin.email_addresses:
        return str(told.email).strip().lower(), trusted or told.verified in (True, "true")
    return "", False


def _known_or_invited(request: HttpRequest, address: str, name: str) -> User | None:
    """The account with an address; if the address was invited, a new one that is a member at once."""
    user = User.objects.filter(email=address).first()
    waiting = invitations.waiting_for(address)
    if user is not None or not waiting:
        return user
    try:
        with transaction.atomic():
            user = User.objects.create_user(address, name=name[:150])
            for invitation in waiting:
                invitations.accept(invitation, user, client_address.client_of(request))
    except (IntegrityError, invitations.InvitationRefused):
        # Withdrawn a moment ago, or accepted in another window.
        return User.objects.filter(email=address).first()
    return user


def _bind(request: HttpRequest, sociallogin: SocialLogin, user: User) -> bool:
    """False if the account already has an identity of this provider: addresses are sometimes given to somebody else."""
    with transaction.atomic():
        # All of the person is written again with the identity, so as it is now.
        current = User.objects.select_for_update().get(pk=user.pk)
        if SocialAccount.objects.filter(user=current, provider=sociallogin.account.provider).exists():
            return False
        sociallogin.connect(request, current)
    return True


def refusal(request: HttpRequest, address: str, why: str) -> ImmediateHttpResponse:
    """The page that says why somebody is not let in; the refusal is recorded."""
    audit_trail.refuse(request, address, gettext_noop("not let in with the provider’s identity"))
    return ImmediateHttpResponse(render(request, "socialaccount/refused.html", {"why": why}, status=403))
