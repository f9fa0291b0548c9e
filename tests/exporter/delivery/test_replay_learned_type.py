"""Nothing unknown is lost: what came before the catalogue knew its type is delivered by a replay once it does."""

from __future__ import annotations

import pytest

from connectors.setup import lifecycle
from connectors.setup.lifecycle import Settings
from exporter.actions import connector_changes, replays
from exporter.ledger.check import check
from exporter.models import ReplayState
from tests.exporter.delivery.test_replay import live, run, wanted
from tests.support.delivering import EMAIL_OPEN, NOBODY, Line, a_line
from tests.support.factories import event
from tests.support.older_catalogue import older_catalogue

pytestmark = pytest.mark.django_db(transaction=True)

LEARNED = "users.messages.banner.Click"


def choose(line: Line, *event_types: str) -> None:
    line.connector.refresh_from_db()
    settings = Settings("Segment", "data@example.com", list(event_types), include_anonymous=False)
    lifecycle.update(line.connector, settings, seen_version=line.connector.version, by=NOBODY)


def test_a_type_learned_later_is_replayed_from_what_was_kept() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        with older_catalogue(LEARNED):
            connector_changes.revise(line.connector)
            alone = line.feed_events([event(100 + number, event_type=LEARNED) for number in range(3)])
            among = line.feed_events([event(200), event(201, event_type=LEARNED)])
            line.deliver()
            assert live(line) == {"delivered": 1, "unsupported": 4}
        assert connector_changes.note_catalogue() == 1
        choose(line, EMAIL_OPEN, LEARNED)
        made = replays.begin(line.connector, wanted(outcomes=["unsupported"]), NOBODY)
        assert made.events == 4
        assert run(made) == {"delivered": 4}
        assert made.state == ReplayState.DONE
        assert sorted(line.arrived()) == sorted(alone + among)
        assert check() == []


def test_where_the_connector_does_not_export_it_nothing_is_sent() -> None:
    with a_line(selected=[EMAIL_OPEN]) as line:
        with older_catalogue(LEARNED):
            connector_changes.revise(line.connector)
            line.feed(2, event_type=LEARNED)
            line.deliver()
        connector_changes.note_catalogue()
        made = replays.begin(line.connector, wanted(outcomes=["unsupported"]), NOBODY)
        assert run(made) == {"unselected": 2}
        assert line.arrived() == []
