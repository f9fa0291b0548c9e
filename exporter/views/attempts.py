"""The attempts of a connector: all of them by answer, and each by itself with the first events it carried."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connectors.models import Workspace
from connectors.web.permissions import Action, allows, in_workspace
from connectors.web.request_helpers import find
from exporter.destinations import scrub
from exporter.display import answer_words, figures
from exporter.reports import attempts, balance, masking, request_sent, time_series, windows
from exporter.reports import summary as status


@require_safe
@in_workspace(Action.SEE)
def list_all(request: HttpRequest, workspace: Workspace, pk: int) -> HttpResponseBase:
    """`?answer=` a family of answers or a status code, `?window=` for the chart, `?before=` an attempt's id."""
    connector = find(workspace, pk)
    choice = balance.choose(request.GET.get("window", ""))
    before, answer = request.GET.get("before", ""), request.GET.get("answer", "")
    page = attempts.page(connector, answer, int(before) if before.isdecimal() and len(before) < 18 else None)
    summary = status.summary(connector)
    window = windows.WINDOWS.get(choice.name, windows.WEEK)
    found = time_series.trends(summary, window, requests_of=page.deliveries)
    context = {
        "connector": connector,
        "attempts": page.attempts,
        "next_try": None if answer or before else attempts.next_try(summary, page.attempts),
        "more": page.more,
        "answer": answer,
        "choice": choice,
        "choices": [one for one in balance.CHOICES if one is not balance.ALL],
        "families": answer_words.FAMILY_WORDS.items(),
        "answers": answer_words.shares(found.answers),
        "figure": figures.attempts(found),
        "hour_format": "j M" if found.window is windows.WEEK else "H:i",
        "now": summary.now,
    }
    return render(request, "exporter/attempts.html", context)


@require_safe
@in_workspace(Action.SEE)
def one(request: HttpRequest, workspace: Workspace, pk: int, attempt_id: int) -> HttpResponseBase:
    connector = find(workspace, pk)
    attempt = attempts.find(connector, attempt_id)
    if attempt is None:
        raise Http404
    personal = allows(getattr(request, "role", None), Action.SEE_PERSONAL_DATA)
    head, said = scrub.parts(attempt.excerpt)
    context = {
        "connector": connector,
        "attempt": attempt,
        "answer_head": head,
        "said": masking.answer_shown(said, personal=personal),
        "sent": request_sent.request_sent(attempt, personal=personal),
        "content": attempts.content(attempt, personal=personal),
        "personal": personal,
    }
    return render(request, "exporter/attempt.html", context)
