"""How people get in: by invitation only, and by guessing slowly. Links in mails lead to `SITE_URL`, whatever name a
request used."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import quote

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy

from connectors import mail
from connectors.models import User
from connectors.sign_in import tries, unlock
from connectors.web import client_address
from connectors.web.permissions import memberships_of


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    error_messages: ClassVar[dict[str, Any]] = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": gettext_lazy("The address or the password is wrong."),
        "incorrect_password": gettext_lazy("That password is wrong."),
        "enter_current_password": gettext_lazy("That is not your current password."),
        "too_many_login_attempts": gettext_lazy(
            "Too many tries. Wait a few minutes, or use the link that was mailed to this address."
        ),
        "rate_limited": gettext_lazy("Too many tries. Wait a while, then try again."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """A person with one workspace lands in it, everybody else where all of theirs are."""
        user = request.user
        if isinstance(user, User) and not user.is_owner:
            mine = list(memberships_of(user.pk).values_list("workspace__slug", flat=True)[:2])
            if len(mine) == 1:
                return reverse("data_export", args=mine)
        return str(super().get_login_redirect_url(request))

    def get_client_ip(self, request: HttpRequest) -> str:
        """For limits and the list of sessions. Over a socket without proxies there is no address."""
        return client_address.household_of(client_address.client_of(request)) or "0.0.0.0"  # noqa: S104 - no address to bind to

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Counts the try before the password is looked at. In place of django-allauth's own limit, whose key held the
        name the request used."""
        address = _typed(request, credentials)
        self._tries = tries.of(
            address, client_address.client_for_limits(request), unlock.link_of(request, address)
        )
        try:
            tries.consume(self._tries)
        except tries.TooMany:
            unlock.offer(address)
            raise self.validation_error("too_many_login_attempts") from None

    def _rollback_login_failed_rl_usage(self) -> None:
        """django-allauth's word for: the password was right."""
        tries.succeeded(self._tries)

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        """django-allauth's word for: a new password was set by mail, so the tries with the old one count no more."""
        tries.forget(tries.of(credentials["email"], client_address.client_for_limits(request))[:1])

    def get_reset_password_from_key_url(self, key: str) -> str:
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return settings.SITE_URL + path.replace("UID-KEY", quote(key))

    def set_password(self, user: User, password: str) -> None:
        """Nothing else of the person is written: it was read a while ago, and may have been changed since."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """The product's own letters. Whose address is not known here is told nothing: a form that makes the product
        write to strangers would be somebody's tool against them."""
        if template_prefix == "account/email/password_reset_key":
            mail.send_soon(mail.Letter("password_reset", {"link": context["password_reset_url"]}, to=[email]))

    def send_notification_mail(self, *_args: Any, **_kwargs: Any) -> None:
        """`session_rights` tells people, in the product's words."""


def _typed(request: HttpRequest, credentials: dict[str, Any]) -> str:
    """The address somebody signs in with; who is signed in already proves that it is still them."""
    typed = credentials.get("email") or credentials.get("username")
    return str(typed or getattr(request.user, "email", ""))
