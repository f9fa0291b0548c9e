"""Settings › Event types: what the intake has seen, type by type and field by field."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Workspace
from connectors.web.permissions import Action, in_workspace
from connectors.web.request_helpers import is_partial
from exporter.display import value_forms
from exporter.reports import event_types
from exporter.reports.event_types import FieldSeen


@require_safe
@in_workspace(Action.SEE)
def seen_types(request: HttpRequest, workspace: Workspace) -> HttpResponseBase:
    """All types, or with `?event_type=` the fields of one: a page, or to htmx its table alone."""
    types = event_types.types_of(workspace)
    name = request.GET.get("event_type")
    if name is None:
        odd = [one for one in types if one.drifting_fields or one.unknown_fields or one.silent or one.new]
        context = {"types": types, "odd": len(odd), "catalogue": CATALOGUE}
        return render(request, "exporter/seen_types.html", context)
    seen = next((one for one in types if one.event_type == name), None)
    if seen is None:
        raise Http404
    fields = event_types.fields_of(workspace, name, seen.examined)
    context = {"seen": seen, "rows": [(field, _words(field)) for field in fields]}
    template = "exporter/seen_type_fields.html" if is_partial(request) else "exporter/seen_type.html"
    return render(request, template, context)


def _words(field: FieldSeen) -> dict[str, object]:
    return {
        "forms": value_forms.words(field.forms),
        "expected": value_forms.TYPE_WORDS.get(field.expected, ""),
        "percent": round(100 * field.share),
    }
