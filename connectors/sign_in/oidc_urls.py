"""The pages around signing in at an OpenID Connect provider. There is none for signing up or for adding identities."""

from allauth.socialaccount import views
from django.urls import URLPattern, path
from django.views.generic import RedirectView

from connectors.sign_in import oidc_views

_to_start = RedirectView.as_view(pattern_name="workspaces", permanent=False)

urlpatterns: list[URLPattern] = [
    path("<slug:provider_id>/login/", oidc_views.login, name="openid_connect_login"),
    path("<slug:provider_id>/login/callback/", oidc_views.callback, name="openid_connect_callback"),
    path("cancelled/", views.login_cancelled, name="socialaccount_login_cancelled"),
    path("error/", views.login_error, name="socialaccount_login_error"),
    # Names that allauth expects to exist; the product has no such page.
    path("join/", _to_start, name="socialaccount_signup"),
    path("", _to_start, name="socialaccount_connections"),
]
