"""Every address of the product."""

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

handler500 = "currents_admin.unavailable.server_error"
urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/", include("connectors.sign_in.account_urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("accounts/sessions/", include("allauth.usersessions.urls")),
    path("", include("connectors.urls")),
    path("", include("exporter.urls")),
]
if settings.OIDC is not None:
    urlpatterns.append(path("accounts/oidc/", include("connectors.sign_in.oidc_urls")))
