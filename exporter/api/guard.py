"""The way in to the API for programs: the method, the token with its scope, and faults in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import ObjectDoesNotExist
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from connectors.web.gone import is_gone
from exporter.api import bearer
from exporter.api.bearer import Token
from exporter.api.problem import problem

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, Token, P], HttpResponse]


def with_token(scopes: Mapping[str, str]) -> Callable[[View[P]], Callable[..., HttpResponse]]:
    """Makes a view of `(request, token, …)`: the methods of `scopes` only, each with a token that has its scope. GET
    includes HEAD."""

    def guard(view: View[P]) -> Callable[..., HttpResponse]:
        allowed = ", ".join(["GET, HEAD" if method == "GET" else method for method in scopes])

        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            scope = scopes.get("GET" if request.method == "HEAD" else request.method or "")
            if scope is None:
                return problem(405, f"Use {' or '.join(scopes)} here.", Allow=allowed)
            try:
                token = bearer.check(request.headers.get("Authorization", ""), scope)
                return view(request, token, *args, **kwargs)
            except bearer.BadToken as error:
                return problem(401, str(error), WWW_Authenticate="Bearer")
            except bearer.WrongScope as error:
                return problem(403, str(error))
            except (ObjectDoesNotExist, DatabaseError) as error:
                if is_gone(error):
                    return problem(404, "It was deleted while this was asked for.")
                return problem(
                    503, "The database does not answer now. Ask again in a few seconds.", Retry_After="5"
                )

        return guarded

    return guard
