"""Replays over the API: begun, watched, paused, resumed and cancelled by a token that may; what is wrong is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import SYSTEM
from connectors.models import AuditEntry
from connectors.setup import lifecycle
from connectors.workspaces import tokens
from exporter.delivery.deliver import deliver
from exporter.models import Replay
from tests.support.delivering import Line, a_line
from tests.support.factories import WorkspaceFactory
from tests.support.meanwhile import done_before

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Iterator[Line]:
    with a_line() as made:
        made.feed(5)
        made.deliver()
        yield made


class Api:
    """The API as a program with one token sees it."""

    def __init__(self, line: Line, *scopes: str) -> None:
        _token, plain = tokens.create(line.workspace, "machine", scopes, SYSTEM)
        self.headers = {"Authorization": f"Bearer {plain}"}
        self.base = f"/api/v1/connectors/{line.connector.pk}/replays"

    def post(self, path: str = "", **body: Any) -> Any:
        return Client().post(
            self.base + path, json.dumps(body), content_type="application/json", headers=self.headers
        )

    def get(self, path: str = "") -> Any:
        return Client().get(self.base + path, headers=self.headers)


def an_hour_ago() -> str:
    return (timezone.now() - timedelta(hours=1)).isoformat()


def test_a_replay_is_begun_watched_and_done(line: Line) -> None:
    api = Api(line, "read", "write")
    begun = api.post(since=an_hour_ago(), outcomes=["delivered"], rate=5000)
    assert begun.status_code == 201
    made = begun.json()
    assert (made["state"], made["events"], made["done"], made["ids"]) == ("running", 5, 0, "same")
    deliver(Replay.objects.get(pk=made["id"]).delivery_id)
    assert api.get().json()["replays"][0]["outcomes"]["delivered"] == 5
    assert api.get(f"/{made['id']}").json()["done"] == 5
    assert AuditEntry.objects.filter(action="replay.begun", target=line.connector.name).exists()


def test_it_is_paused_resumed_and_cancelled(line: Line) -> None:
    api = Api(line, "read", "write")
    made = api.post(since=an_hour_ago(), outcomes=["everything"]).json()["id"]
    assert api.post(f"/{made}/pause").json()["state"] == "paused"
    assert api.post(f"/{made}/resume").json()["state"] in ("waiting", "running")
    assert api.post(f"/{made}/rate", rate=250).json()["rate"] == 250
    assert api.post(f"/{made}/rate", rate=None).json()["rate"] is None
    for body, status in (({}, 400), ({"rate": "fast"}, 400), ({"rate": 0}, 409)):
        assert api.post(f"/{made}/rate", **body).status_code == status
    assert api.post(f"/{made}/cancel").json()["state"] == "cancelled"
    refused = api.post(f"/{made}/pause")
    assert (refused.status_code, "cancelled" in refused.json()["detail"]) == (409, True)
    assert api.post(f"/{made}/hurry").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 400, "since"),
        ({"since": "yesterday"}, 400, "ISO 8601"),
        ({"since": "2026-01-01T00:00:00Z", "ids": "other"}, 400, "ids"),
        ({"since": "2026-01-01T00:00:00Z", "rate": "fast"}, 400, "whole number"),
        ({"since": "2026-01-01T00:00:00Z", "rate": 0}, 422, "rate must be"),
        ({"since": "2026-01-01T00:00:00Z", "speed": 1}, 400, "speed"),
        ({"since": "2026-01-01T00:00:00Z", "outcomes": ["lost"]}, 422, "outcome"),
        ({"since": "2999-01-01T00:00:00Z", "until": "2999-01-02T00:00:00Z"}, 422, "No events"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_begins(
    line: Line, body: dict[str, Any], status: int, words: str
) -> None:
    answer = Api(line, "write").post(**body)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.json()
    assert not Replay.objects.exists()


def test_reading_is_not_enough_to_begin_one_and_another_workspace_has_none(line: Line) -> None:
    assert Api(line, "read").post(since=an_hour_ago()).status_code == 403
    _token, plain = tokens.create(WorkspaceFactory.create(), "elsewhere", ["read"], SYSTEM)
    path = f"/api/v1/connectors/{line.connector.pk}/replays"
    assert Client().get(path, headers={"Authorization": f"Bearer {plain}"}).status_code == 404


@pytest.mark.parametrize("said", ['INSERT INTO "exporter_replay"', "FOR UPDATE"])
def test_what_is_about_a_connector_that_is_just_deleted_is_not_found(line: Line, said: str) -> None:
    api = Api(line, "write")
    wanted: dict[str, Any] = {"since": an_hour_ago(), "outcomes": ["delivered"]}
    begun = api.post(**wanted).json()
    with done_before(said, lambda: lifecycle.delete(line.connector, by=SYSTEM)):
        answer = api.post(f"/{begun['id']}/cancel") if said == "FOR UPDATE" else api.post(**wanted)
    assert (answer.status_code, answer.json()["status"]) == (404, 404)
