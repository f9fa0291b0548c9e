"""What somebody else does between two statements of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.support.threads import in_future


@contextmanager
def done_before(statement: str, work: Callable[[], Any]) -> Iterator[None]:
    """Before the first statement of this connection that says so, `work` is done by another one, and committed."""
    done = False

    def first(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        nonlocal done
        if not done and statement in sql:
            done = True
            in_future(work).result(20)
        return execute(sql, *more)

    with connection.execute_wrapper(first):
        yield
    assert done, "no statement says so"
