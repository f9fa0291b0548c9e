"""Statements of the delivery path: what they are told is what PostgreSQL hears."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter import sql
from exporter.destinations.answer import Verdict

pytestmark = pytest.mark.django_db

_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
_MOMENTS = st.integers(0, 2**37).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
_KINDS = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "float8": st.floats(allow_nan=False),
    "boolean": st.booleans(),
    "text": _TEXTS,
    "timestamptz": _MOMENTS,
    "uuid": st.uuids(),
}


@pytest.mark.parametrize("kind", _KINDS)
def test_an_array_arrives_as_the_list_it_was(kind: str) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.none() | _KINDS[kind], max_size=8))
    def arrives(values: list[Any]) -> None:
        assert sql.execute(f"SELECT %(values)s::{kind}[]", {"values": values}) == [(values,)]

    arrives()


@pytest.mark.parametrize(
    "text", ['say "no"', "back\\slash", "NULL", "null", "", " ", "{a,b}", "a,b", "\n", 'end\\"', "日本"]
)
def test_a_text_that_looks_like_something_else_stays_a_text(text: str) -> None:
    assert sql.execute("SELECT %(values)s::text[]", {"values": [text, None]}) == [([text, None],)]


def test_what_the_driver_knows_better_is_left_to_it() -> None:
    assert sql.execute("SELECT %(values)s::bytea[]", {"values": [b"\0\\x", b""]}) == [([b"\0\\x", b""],)]
    token = uuid.uuid4()
    assert sql.execute("SELECT %(values)s::text[]", {"values": [Verdict.RETRY, "x"]}) == [(["retry", "x"],)]
    assert sql.execute("SELECT %(values)s::uuid[]", {"values": [token] * 3}) == [([token] * 3,)]
