"""A connector deleted while a page about it is being made: not found, or a page of what was found; never a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from connectors.models import Connector
from connectors.web import request_helpers
from tests.support.people import EMAIL_EVENTS

pytestmark = pytest.mark.django_db

# Statements of the longest page, sessions and permissions left out; a page that ends earlier ends its search.
MOST_STATEMENTS = 60
# Through it every view fetches its connector.
_FETCH = "get_object_or_404"
SEEN = (
    "",
    "?window=all",
    "why/",
    "attempts/",
    "rejected/",
    "find/?by=event&for=some-id",
    "test/",
    "edit/",
    "write-key/",
    "pause/",
    "delete/",
    "by-type.csv",
    "rejected.ndjson",
)
# What such a page needs first is a number of the connector's own.
COUNTING = {"", "?window=all", "why/", "attempts/", "pause/", "delete/", "by-type.csv"}
DONE: dict[str, dict[str, Any]] = {
    "try-now/": {},
    "rejected/retry/": {},
    "pause/": {},
    "resume/": {},
    "delete/": {"name": "Lifecycle events"},
    "test/": {},
    "edit/": {"name": "Other", "contact_email": "a@b.example", "selected_events": EMAIL_EVENTS, "version": 1},
    "write-key/discard/": {},
    "write-key/reminder/": {},
    "verified/": {},
}


class _Deletion:
    """Deletes the connector before the statement of this place, counted from the moment the view has found it; not
    once a statement has locked it, because nobody can delete it then."""

    def __init__(self, pk: int, place: int) -> None:
        self.pk, self.left = pk, place
        self.found = self.done = False

    def __call__(self, execute: Callable[..., Any], *args: Any) -> Any:
        if self.found and not self.done:
            if self.left == 0:
                self.done = True
                Connector.objects.filter(pk=self.pk).delete()
            self.left -= 1
            self.found = " FOR UPDATE" not in args[0]
        return execute(*args)


@contextmanager
def deleted_before(pk: int, place: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Deletion]:
    """Everything is as it was afterwards."""
    deletion, real = _Deletion(pk, place), getattr(request_helpers, _FETCH)

    def find(*args: Any, **terms: Any) -> Connector:
        found: Connector = real(*args, **terms)
        deletion.found = True
        return found

    with transaction.atomic(), monkeypatch.context() as patch, connection.execute_wrapper(deletion):
        patch.setattr(request_helpers, _FETCH, find)
        yield deletion
        transaction.set_rollback(True)


def answers(ask: Callable[[], Any], connector: Connector, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The status for a deletion before the first, the second, … statement, until none is left to come before."""
    found: list[int] = []
    for place in range(MOST_STATEMENTS):
        with deleted_before(connector.pk, place, monkeypatch) as deletion:
            answer = ask()
            if answer.streaming:
                b"".join(answer.streaming_content)
            if not deletion.done:
                return found
        found.append(answer.status_code)
    raise AssertionError("the page has more statements than this test looks at")


@pytest.mark.parametrize("end", SEEN)
def test_no_page_fails_over_a_connector_deleted_between_its_numbers(
    end: str, as_: Callable[[str], Client], connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, path = as_("admin"), f"/w/harbour/data-export/{connector.pk}/{end}"
    found = answers(lambda: client.get(path), connector, monkeypatch)
    assert set(found) <= {200, 404}, found
    if end in COUNTING:
        assert found[0] == 404, "numbers that are gone are not zeros"


@pytest.mark.parametrize("end", DONE)
def test_nothing_that_is_done_fails_over_a_connector_deleted_just_before(
    end: str, as_: Callable[[str], Client], connector: Connector, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, path = as_("admin"), f"/w/harbour/data-export/{connector.pk}/{end}"
    found = answers(lambda: client.post(path, DONE[end]), connector, monkeypatch)
    assert set(found) <= {200, 303, 404, 409, 422}, found
