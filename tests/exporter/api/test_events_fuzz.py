"""Whatever is sent to the intake, it answers in its own words: no 5xx, problems as problem+json, sums that add up.

`CURRENTS_FUZZ_CASES` runs more of them; `make fuzz` is the long form.
"""

from __future__ import annotations

import gzip
import json
import os
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.audit.actor import By
from connectors.models import Workspace
from connectors.workspaces import tokens
from exporter.models import EventLog
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db(transaction=True)
CASES = int(os.environ.get("CURRENTS_FUZZ_CASES", "300"))
NAMES = ["event_type", "id", "time", "user", "properties", "user_id", "external_user_id", "campaign_name"]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
odd_events = st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=8), values, max_size=8)
good_events = st.fixed_dictionaries(
    {
        "event_type": st.sampled_from(["users.messages.email.Open", "users.unheard.Of"]),
        "id": st.integers(0, 40).map(lambda number: f"fuzz-{number}"),
        "time": st.integers(1, 10**10) | st.floats(1, 1e10),
    },
    optional={"user": st.dictionaries(st.text(max_size=5), values, max_size=3), "properties": values},
)
events = st.lists(good_events | odd_events | values, max_size=6)
documents = st.one_of(
    events.map(lambda found: json.dumps({"events": found}).encode()),
    events.map(lambda found: json.dumps(found).encode()),
    events.map(lambda found: "\n".join(map(json.dumps, found)).encode()),
    values.map(lambda found: json.dumps(found).encode()),
    st.binary(max_size=200),
)
types = st.sampled_from(
    ["application/json", "text/plain", "application/x-ndjson", "", "multipart/form-data", "x; charset=é"]
)
encodings = st.sampled_from(["", "gzip", "identity", "br", "GZIP", "gzip, gzip"])


@pytest.fixture
def door() -> tuple[Workspace, str]:
    workspace = WorkspaceFactory.create()
    _token, plain = tokens.create(workspace, "fuzz", ["intake"], By(None))
    return workspace, plain


@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    document=documents, kind=types, encoding=encodings, cut=st.integers(0, 3), good_token=st.integers(0, 9)
)
def test_the_intake_answers_in_its_own_words(
    door: tuple[Workspace, str], document: bytes, kind: str, encoding: str, cut: int, good_token: int
) -> None:
    workspace, plain = door
    body = gzip.compress(document) if encoding.lower() == "gzip" else document
    body = body[: len(body) - cut] if cut else body
    headers = {"Authorization": f"Bearer {plain if good_token else 'cur_made_up'}"}
    if encoding:
        headers["Content-Encoding"] = encoding
    before = head(workspace)
    answer = Client().generic("POST", "/api/v1/events", body, content_type=kind, headers=headers)
    said: dict[str, Any] = json.loads(answer.content)
    assert answer.status_code in (200, 202, 400, 401, 413, 415)
    if answer.status_code >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert said["status"] == answer.status_code
        assert said["detail"]
        assert head(workspace) == before, "a refused body is not stored, not even half"
        return
    assert set(said) == {"accepted", "duplicates", "rejected"}
    assert head(workspace) == before + said["accepted"]
    assert all(set(one) == {"index", "id", "reason"} and one["reason"] for one in said["rejected"])
    again = Client().generic("POST", "/api/v1/events", body, content_type=kind, headers=headers)
    repeated = json.loads(again.content)
    assert (again.status_code, repeated["accepted"]) == (answer.status_code, 0), "nothing is stored twice"
    assert repeated["duplicates"] == said["accepted"] + said["duplicates"]


def head(workspace: Workspace) -> int:
    found = EventLog.objects.filter(workspace=workspace).values_list("next_event", flat=True).first()
    return found or 0


@settings(max_examples=CASES // 3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]),
    token=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=80),
    connector=st.integers(0, 10**30),
)
def test_other_methods_and_made_up_tokens_are_problems_too(
    door: tuple[Workspace, str], method: str, token: str, connector: int
) -> None:
    for path in ("/api/v1/events", f"/api/v1/connectors/{connector}/status"):
        answer = Client().generic(method, path, headers={"Authorization": token})
        assert answer.status_code in (401, 405)
        assert answer["Content-Type"] == "application/problem+json"
