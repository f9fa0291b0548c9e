"""The pages for signing in and for passwords. Nobody can change an address: it is a person's identity, here and in the
audit log."""

from allauth.account import views
from django.urls import URLPattern, path, re_path
from django.views.generic import RedirectView

from connectors.views.unlock import unlock_sign_in

_to_start = RedirectView.as_view(pattern_name="workspaces", permanent=False)

urlpatterns: list[URLPattern] = [
    path("login/", views.login, name="account_login"),
    path("logout/", views.logout, name="account_logout"),
    path("inactive/", views.account_inactive, name="account_inactive"),
    path("signup/", views.signup, name="account_signup"),
    path("reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("password/change/", views.password_change, name="account_change_password"),
    path("password/set/", views.password_set, name="account_set_password"),
    path("password/reset/", views.password_reset, name="account_reset_password"),
    path("password/reset/done/", views.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        views.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "password/reset/key/done/",
        views.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("unlock/<str:link>/", unlock_sign_in, name="account_unlock"),
    # Names that allauth expects to exist; the product has no such page.
    path("email/", _to_start, name="account_email"),
    path("confirm-email/", _to_start, name="account_email_verification_sent"),
]
