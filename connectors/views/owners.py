"""Installation › Owners: who looks after it; an owner makes others owners and takes the mark away."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from connectors.audit.actions import AuditAction
from connectors.models import User
from connectors.web.permissions import SECOND_FACTORS, for_owners
from connectors.web.request_helpers import IN_THE_WAY, REFUSED, ask, by, see_other
from connectors.workspaces import owners
from connectors.workspaces.email_field import AddressForm

HISTORY = 10


@require_http_methods(["GET", "HEAD", "POST"])
@for_owners
def listing(request: HttpRequest) -> HttpResponseBase:
    form = AddressForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            user = owners.add(form.cleaned_data["email"], by(request))
        except owners.OwnerRefused as refused:
            form.add_error("email", str(refused))
        else:
            messages.success(request, _("%(email)s is an owner.") % {"email": user.email})
            return see_other("owners")
    return _page(request, form)


@require_http_methods(["GET", "HEAD", "POST"])
@for_owners
def remove(request: HttpRequest, pk: int) -> HttpResponseBase:
    owner = get_object_or_404(User, pk=pk, is_owner=True)
    if request.method != "POST":
        return ask(request, "connectors/settings/owner_remove.html", {"owner": owner})
    try:
        owners.remove(owner, by(request))
    except owners.OwnerRefused as refused:
        return ask(
            request,
            "connectors/settings/owner_remove.html",
            {"owner": owner, "refused": str(refused)},
            IN_THE_WAY,
        )
    messages.success(request, _("%(email)s is no owner any more.") % {"email": owner.email})
    return see_other("workspaces" if owner.pk == request.user.pk else "owners")


def _page(request: HttpRequest, form: AddressForm) -> HttpResponse:
    rows = User.objects.filter(is_owner=True).order_by("email")
    with_factor = set(rows.filter(authenticator__type__in=SECOND_FACTORS).values_list("pk", flat=True))
    context = {
        "form": form,
        "rows": [(row, row.pk in with_factor) for row in rows],
        "alone": owners.standing().count() == 1,
        "history": [(entry, AuditAction(entry.action).label) for entry in owners.history()[:HISTORY]],
    }
    status = REFUSED if form.is_bound else 200
    return render(request, "connectors/settings/owners.html", context, status=status)
