"""The exporter's side of `connectors.ports`: what a change of a connector means for its deliveries.

Runs inside the transaction of the change.
"""

from __future__ import annotations

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Connector
from connectors.ports import KeyAnswer
from exporter.actions import replays
from exporter.delivery.newest_revision import newest_first
from exporter.dispatch import wakeup
from exporter.log import event_log
from exporter.models import Delivery, DeliveryKind, Revision
from exporter.reports import key_history, summary


class ExporterSide:
    def launched(self, connector: Connector) -> None:
        """The delivery starts at the head of the log, read under a share of its row: an append that has not
        committed yet waits for this transaction, so the first event accepted after it is the first one exported."""
        event_log.ensure(connector.workspace_id)
        revise(connector)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT 1 FROM exporter_logmark WHERE workspace_id = %s FOR SHARE", [connector.workspace_id]
            )
            cursor.execute(
                "SELECT next_event FROM exporter_eventlog WHERE workspace_id = %s FOR SHARE",
                [connector.workspace_id],
            )
            head: int = cursor.fetchone()[0]
            delivery = Delivery.objects.create(
                connector=connector,
                workspace_id=connector.workspace_id,
                kind=DeliveryKind.LIVE,
                start=head,
                cursor=head,
            )
            cursor.execute(
                "INSERT INTO exporter_deliverystart (delivery_id, event_type, count) "
                "SELECT %s, event_type, count FROM exporter_receivedtotal WHERE workspace_id = %s",
                [delivery.pk, connector.workspace_id],
            )

    def changed(self, connector: Connector) -> None:
        revise(connector)
        ring(connector)

    def key_rotated(self, connector: Connector) -> None:
        revise(connector)
        make_due(connector)
        ring(connector)

    def resumed(self, connector: Connector) -> None:
        make_due(connector)
        ring(connector)

    def deleted(self, connector: Connector) -> None:
        """Deletes the connector's rows; a holder of the lease notices at its next settle. What others lock before they
        write what belongs to it is locked first, in their order: the deliveries, then the incidents."""
        _hold_deliveries(connector)
        list(connector.incidents.select_for_update().order_by("pk").values_list("pk", flat=True))

    def waiting(self, connector: Connector) -> int:
        # Asked of what is there still: the connector may be deleted just now.
        return sum(each.pending for each in summary.summaries([connector]))

    def key_answers(self, connector: Connector) -> dict[int, KeyAnswer]:
        return key_history.last_answers(connector)


def ring(connector: Connector) -> None:
    """Wakes all deliveries of the connector once this is committed, replays as far as there are places."""
    ids = list(connector.deliveries.values_list("pk", flat=True))
    transaction.on_commit(lambda: wakeup.wake_deliveries(ids))
    transaction.on_commit(replays.wake_next)


def revise(connector: Connector) -> Revision:
    """Records the connector's settings as its current revision, unless they are unchanged."""
    key = connector.write_keys.filter(activated_at__isnull=False, retired_at__isnull=True).get()
    newest = newest_first(Revision.objects.all(), connector.pk).first()
    settings = {
        "selected_events": connector.selected_events,
        "include_anonymous": connector.include_anonymous,
        "region": connector.region,
        "write_key_id": key.pk,
        "catalogue_version": CATALOGUE.version,
    }
    if newest is not None and all(getattr(newest, name) == value for name, value in settings.items()):
        return newest
    return Revision.objects.create(connector=connector, **settings)


def note_catalogue() -> int:
    """After an upgrade: every connector's settings are noted anew where they were noted under an older catalogue, so
    that what was settled before is not judged by what is known now. Answers how many. Repeating it changes nothing."""
    newest = newest_first(Revision.objects.all(), OuterRef("pk")).values("catalogue_version")[:1]
    behind = Connector.objects.annotate(newest=Subquery(newest)).filter(newest__lt=CATALOGUE.version)
    for connector in behind:
        with transaction.atomic():
            # It may be deleted meanwhile: the version before serves until this one is prepared.
            if (current := Connector.objects.select_for_update().filter(pk=connector.pk).first()) is not None:
                revise(current)
    return len(behind)


def make_due(connector: Connector) -> None:
    """The next attempt may begin at once; a stop is kept until an attempt is accepted."""
    _hold_deliveries(connector)
    connector.deliveries.update(next_attempt_at=None)


def _hold_deliveries(connector: Connector) -> None:
    """Locks them in the order of their ids, so the live one first: whoever recovers an event has it before its own."""
    list(connector.deliveries.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
