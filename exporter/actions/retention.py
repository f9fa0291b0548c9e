"""How long a workspace keeps its events, changed by a person."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Workspace
from connectors.web.time_words import decimal
from exporter.log import retention


class RetentionRefused(Exception):
    """The text is one sentence that says what to do."""


def change(workspace: Workspace, hours: int | None, by: By) -> None:
    """None is as long as the installation keeps events. What is over age then goes with the next trimming.

    Raises:
        RetentionRefused.
    """
    least, most = retention.least_hours(), retention.most_hours()
    if hours is not None and not least <= hours <= most:
        raise RetentionRefused(
            _("Choose %(least)s to %(most)s hours, or nothing for %(most)s.")
            % {"least": decimal(least), "most": decimal(most)}
        )
    with transaction.atomic():
        current = Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
        if current.retention_hours == hours:
            return
        before, current.retention_hours = retention.hours_of(current), hours
        current.save(update_fields=["retention_hours"])
        record(
            AuditAction.WORKSPACE_RETENTION,
            by,
            workspace=current,
            target=current.name,
            before={"kept_hours": before},
            after={"kept_hours": retention.hours_of(current)},
        )
