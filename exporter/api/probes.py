"""`/healthz`: this process is alive. `/readyz`: the whole system can work, or which part is missing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from exporter.api import readiness


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    gone = readiness.answer.missing()
    return JsonResponse({"ready": not gone, "missing": gone}, status=503 if gone else 200)
