"""The switch of languages, in the top bar and on the pages of sign-in."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from connectors.models import User
from connectors.web.language import offered

A_YEAR = 365 * 86_400


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Keeps the language in this browser and in the profile of who is signed in; back to the page they came from."""
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure()):
        back = "/"
    answer = HttpResponseRedirect(back, status=303)
    code = request.POST.get("language", "")
    if offered(code):
        if request.user.is_authenticated:
            User.objects.filter(pk=request.user.pk).update(language=code)
        answer.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            code,
            max_age=A_YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )
    return answer
