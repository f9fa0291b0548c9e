"""The API does what its own description says, for whatever the description allows and forbids, behind the real web
server: no 5xx, nothing undescribed, problems as problem+json, no body stored twice or half.

`CURRENTS_FUZZ_CASES` runs more of them; `make fuzz` is the long form.
"""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from requests.adapters import HTTPAdapter

from connectors.audit.actor import By
from connectors.workspaces import tokens
from exporter.actions import replays
from exporter.api import openapi
from exporter.log import event_log
from tests.support.delivering import Line
from tests.support.serving import Server, serving

Case = schemathesis.Case[Any]

pytestmark = pytest.mark.django_db(transaction=True)
CASES = int(os.environ.get("CURRENTS_FUZZ_CASES", "300")) // 8
api = schemathesis.openapi.from_dict(
    openapi.description(),
    config=schemathesis.Config.from_dict(
        {
            "checks": {
                # A bad event is refused alone, in a receipt. That what fits is taken is judged below, by token.
                "negative_data_rejection": {"enabled": False},
                "positive_data_acceptance": {"enabled": False},
            }
        }
    ),
)
EVENTS = "POST /api/v1/events"
# What an operation asks of a token.
SCOPES = {
    EVENTS: "intake",
    "GET /api/v1/connectors": "read",
    "GET /api/v1/connectors/{id}/status": "read",
    "GET /api/v1/connectors/{id}/replays": "read",
    "POST /api/v1/connectors/{id}/replays": "write",
    "GET /api/v1/connectors/{id}/replays/{replay}": "read",
    "POST /api/v1/connectors/{id}/replays/{replay}/{verb}": "write",
    "GET /api/v1/sources": "read",
}
# How a request as described may be answered by a connector that is there; 200 where nothing is said. What may not be
# replayed, or not be changed now, is only known to whoever looks; *rate* without a body is described and not possible.
ANSWERS = {
    "POST /api/v1/connectors/{id}/replays": (201, 422),
    "POST /api/v1/connectors/{id}/replays/{replay}/{verb}": (200, 400, 409),
}


def lines(_context: schemathesis.SerializationContext, body: Any) -> bytes:
    """NDJSON, which Schemathesis does not write by itself."""
    return "\n".join(map(json.dumps, body if isinstance(body, list) else [body])).encode()


schemathesis.serializer("application/x-ndjson")(lines)


class Packing(HTTPAdapter):
    """Packs the body where the request says that it is packed."""

    def send(self, request: requests.PreparedRequest, *given: Any, **options: Any) -> requests.Response:
        if request.headers.get("Content-Encoding") == "gzip" and request.body:
            body = request.body
            request.prepare_body(gzip.compress(body.encode() if isinstance(body, str) else body), None)
        return super().send(request, *given, **options)


@dataclass
class Caller:
    """Somebody with tokens of every kind and a connector, who counts what the log holds."""

    server: Server
    tokens: dict[str, str]
    connector: int
    replay: int
    session: requests.Session

    def call(self, case: Case, bearer: str) -> schemathesis.Response:
        headers = {"Authorization": f"Bearer {self.tokens[bearer]}"} if self.tokens[bearer] else {}
        return case.call(f"http://127.0.0.1:{self.server.port}", self.session, headers)

    def stored(self) -> int:
        return event_log.head(self.server.token.workspace_id)


@pytest.fixture
def caller(tmp_path: Path) -> Iterator[Caller]:
    with serving(tmp_path) as server, requests.Session() as session:
        session.mount("http://", Packing())
        workspace = server.token.workspace
        made = {scope: tokens.create(workspace, scope, [scope], By(None))[1] for scope in SCOPES.values()}
        connector = Line.launch(workspace)
        replay = replays.for_import(connector, By(None), same_ids=True)
        yield Caller(server, made | {"none": "", "made up": "cur_made_up"}, connector.pk, replay.pk, session)
        assert b"Traceback" not in server.log.read_bytes()


@api.parametrize()
@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_the_api_does_what_it_describes(case: Case, caller: Caller) -> None:
    right = SCOPES[case.operation.label]
    wrong = "intake" if right == "read" else "read"
    for bearer, refusal in (("none", 401), ("made up", 401), (wrong, 403)):
        answer = ask(case, caller, bearer)
        assert answer.status_code == refusal or not fits(case)
    answer = ask(case, caller, right)
    allowed = ANSWERS.get(case.operation.label, (200,))
    if fits(case):
        # Whatever id was made up may be the connector's.
        assert answer.status_code in (202, 404, *allowed)
        assert not answer.json().get("rejected"), "what fits the description is taken"
    if "id" in case.path_parameters:
        case.path_parameters["id"] = caller.connector
        if "replay" in case.path_parameters:
            case.path_parameters["replay"] = caller.replay
        assert ask(case, caller, right).status_code in allowed or not fits(case)


def ask(case: Case, caller: Caller, bearer: str) -> schemathesis.Response:
    """One request, judged: twice where it brought something in."""
    before = caller.stored()
    answer = caller.call(case, bearer)
    added = caller.stored() - before
    case.validate_response(answer)
    if answer.status_code >= 400:
        told_as_a_problem(answer)
        assert added == 0, "a refused body is not stored, not even half"
    elif case.operation.label == EVENTS:
        said = answer.json()
        assert said["accepted"] == added
        again = caller.call(case, bearer).json()
        assert (again["accepted"], again["duplicates"]) == (0, said["accepted"] + said["duplicates"])
        assert caller.stored() == before + added, "nothing is stored twice"
    return answer


def told_as_a_problem(answer: schemathesis.Response) -> None:
    assert answer.headers["content-type"] == ["application/problem+json"]
    said = answer.json()
    assert said["status"] == answer.status_code
    assert said["detail"].endswith(".")


def fits(case: Case) -> bool:
    """Whether the request is as described."""
    assert case.meta is not None
    return case.meta.generation.mode.is_positive
