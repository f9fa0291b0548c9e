"""`/healthz`: this process is alive. `/readyz`: the whole system can work, or which part is missing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from exporter import readiness


def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    gone = readiness.missing()
    return JsonResponse({"ready": not gone, "missing": gone}, status=503 if gone else 200)
