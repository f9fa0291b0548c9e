"""Finding objects: in Braze's layout a look costs what is new, elsewhere everything is listed.

Braze's names are `…/event_type=users.messages.email.Open/date=2026-11-25-21/…/part-….avro`. Names are listed in order,
so in each folder of a type the listing begins two days back, where late objects still come; what is later still is
found by the whole listing every six hours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from exporter.intake.file_walk import is_event_name
from exporter.models import Source
from exporter.models.sources import Begin
from exporter.sources.store import Store

_TYPE_FOLDER = re.compile(r"^(.*?event_type=[^/]+)/")
_HOUR = re.compile(r"/date=(\d{4})-(\d\d)-(\d\d)-(\d\d)(?:/|$)")
_LATE = timedelta(hours=48)
WHOLE_EVERY = timedelta(hours=6)


class FoundObject(NamedTuple):
    name: str
    etag: str
    size: int
    modified_at: datetime


class Listing:
    """One look at a source. `folders` are the type folders known afterwards; `whole` tells whether all was listed."""

    def __init__(self, store: Store, source: Source, now: datetime) -> None:
        self._store, self._source, self._now = store, source, now
        self.folders: set[str] = set(source.folders)
        last = source.listed_whole_at
        self._until: float | None = None
        self.whole = not self.folders or last is None or last < now - WHOLE_EVERY

    def pages(self, seconds: float | None = None) -> Iterator[list[FoundObject]]:
        """The objects that may be new, a thousand at a time; with `seconds`, those found within about so many. Raises
        store.Trouble."""
        if seconds is not None:
            self._until = time.monotonic() + seconds
        if self.whole:
            yield from self._pages(self._store.address.prefix, None)
            return
        for parent in {folder.rpartition("/")[0] for folder in self.folders}:
            self.folders.update(one for one in self._store.folders(parent) if "event_type=" in one)
        hour = (self._now - _LATE).astimezone(UTC).strftime("%Y-%m-%d-%H")
        for folder in sorted(self.folders):
            yield from self._pages(folder, f"{folder}/date={hour}")

    def _pages(self, prefix: str, after: str | None) -> Iterator[list[FoundObject]]:
        for page in self._store.objects(prefix, after):
            if self._until is not None and time.monotonic() > self._until:
                return
            found = [one for one in map(_found, page) if is_event_name(one.name)]
            for one in found:
                if folder := _TYPE_FOLDER.match(one.name):
                    self.folders.add(folder.group(1))
            if wanted := [one for one in found if self._is_wanted(one)]:
                yield wanted

    def _is_wanted(self, one: FoundObject) -> bool:
        since = self._source.since
        if since is None:
            return True
        hour = _HOUR.search(one.name)
        if self._source.begin == Begin.DAY and hour:
            try:
                return datetime(*map(int, hour.groups()), tzinfo=UTC) >= since  # type: ignore[misc,arg-type]
            except ValueError:
                return one.modified_at >= since
        return one.modified_at >= since


def _found(meta: Any) -> FoundObject:
    return FoundObject(meta["path"], meta["e_tag"] or "", meta["size"], meta["last_modified"])
