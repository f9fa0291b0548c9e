"""A newer catalogue changes nothing about what was chosen, and nothing about what was settled before it came."""

from __future__ import annotations

import pytest

from connectors.catalogue.catalogue import ALL, CATALOGUE, REFERENCE_PAGE
from connectors.setup import lifecycle
from exporter.actions import connector_changes
from exporter.ledger.check import check
from exporter.ledger.fates import Rules, fate
from exporter.models import DeliveryTotal, Revision
from tests.support.delivering import NOBODY, a_line
from tests.support.factories import event
from tests.support.meanwhile import done_before

pytestmark = pytest.mark.django_db(transaction=True)

NEWER = "users.messages.banner.Click"


def test_a_connector_launched_before_keeps_exactly_what_it_had_chosen() -> None:
    with a_line(selected=sorted(REFERENCE_PAGE)) as line:
        Revision.objects.update(catalogue_version=1)
        assert connector_changes.note_catalogue() == 1
        assert connector_changes.note_catalogue() == 0
        newest = Revision.objects.latest("pk")
        assert newest.catalogue_version == CATALOGUE.version
        assert set(newest.selected_events) == REFERENCE_PAGE
        line.feed(3)
        line.feed(2, event_type=NEWER)
        line.deliver()
        outcomes = DeliveryTotal.objects.values_list("event_type", "outcome", "count")
        assert (NEWER, "unselected", 2) in outcomes
        assert check() == []
        line.connector.delete()
        line.workspace.delete()


def test_what_an_older_catalogue_did_not_know_stays_unsupported() -> None:
    banner = event(0, event_type=NEWER)
    for version, outcome in ((1, "unsupported"), (2, "delivered")):
        assert fate(banner, Rules(ALL, True, version), expired=False, rejected=False) == outcome


def test_a_connector_that_is_deleted_during_an_upgrade_does_not_stop_it() -> None:
    with a_line() as line, a_line() as other:
        Revision.objects.update(catalogue_version=1)
        with done_before("FOR UPDATE", lambda: lifecycle.delete(line.connector, by=NOBODY)):
            connector_changes.note_catalogue()
        assert Revision.objects.latest("pk").connector == other.connector
        assert connector_changes.note_catalogue() == 0
