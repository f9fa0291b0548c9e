"""The settings in force of many connectors: those not known yet are read in one statement, the others remembered.

A revision never changes, so what is remembered by its id is never stale: each claim tells which one is in force. Write
keys stay in memory in plain text for ten minutes at most.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable

from django.conf import settings

from connectors.models import WriteKey
from connectors.vault import sealing
from exporter.delivery.settings_in_force import Current
from exporter.destinations import sender
from exporter.destinations.segment.transform import Plan
from exporter.models import Revision

KEPT_SECONDS = 600.0
MOST_KEPT = 20_000


class SettingsCache:
    """Belongs to one thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[float, Current]] = OrderedDict()
        self._plans: dict[tuple[frozenset[str], bool], Plan] = {}

    def of(self, revision_ids: Iterable[int]) -> dict[int, Current]:
        """The settings by revision. A revision that is gone, or whose write key cannot be opened, is missing."""
        now = time.monotonic()
        while self._known and next(iter(self._known.values()))[0] < now - KEPT_SECONDS:
            self._known.popitem(last=False)
        wanted = set(revision_ids)
        if missing := [one for one in wanted if one not in self._known]:
            self._read(missing, now)
        found = {one: self._known[one][1] for one in wanted if one in self._known}
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return found

    def _read(self, revision_ids: list[int], now: float) -> None:
        revisions = list(Revision.objects.filter(pk__in=revision_ids))
        keys = WriteKey.objects.in_bulk([one.write_key_id for one in revisions])
        for one in revisions:
            try:
                key = sealing.unseal(keys[one.write_key_id])
            except (sealing.SecretUnreadable, KeyError):
                continue
            plan = self._plan(frozenset(one.selected_events), one.include_anonymous)
            endpoint = sender.endpoint(f"{settings.SEGMENT_URLS[one.region]}/v1/batch")
            self._known[one.pk] = (
                now,
                Current(one.pk, True, plan, endpoint, sender.basic(key), one.write_key_id),
            )

    def _plan(self, selected: frozenset[str], include_anonymous: bool) -> Plan:
        """Most connectors choose the same few sets of event types: each is kept once."""
        if len(self._plans) > MOST_KEPT:
            self._plans.clear()
        return self._plans.setdefault((selected, include_anonymous), Plan(selected, include_anonymous))
