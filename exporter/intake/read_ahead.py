"""Reading ahead: the next items are made by a thread while the last ones are used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items, none of them None, one ahead. What is raised while one is made is raised in its place; whoever
    stops early waits for the one that is being made. They must not ask the database, whose connections are a thread's
    own."""

    def make() -> Item | None:
        return next(items, None)

    with ThreadPoolExecutor(1, "read-ahead") as maker:
        coming = maker.submit(make)
        while (one := coming.result()) is not None:
            coming = maker.submit(make)
            yield one
