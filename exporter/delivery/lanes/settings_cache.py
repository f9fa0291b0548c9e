"""The settings in force of many connectors: those not known yet are read in one statement, the others remembered.

A revision never changes, so what is remembered by its id is never stale: each claim tells which one is in force. Write
keys stay in memory in plain text for ten minutes at most.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable

from django.conf import settings

from connectors.vault import sealing
from exporter.delivery.settings_in_force import Current
from exporter.destinations import sender
from exporter.destinations.segment.transform import Plan
from exporter.sql import execute

KEPT_SECONDS = 600.0
MOST_KEPT = 20_000

# The selected events come as one text: to tell a choice that is known already, that is all it takes.
_SETTINGS = """
SELECT r.id, array_to_string(r.selected_events, ' '), r.include_anonymous, r.region, k.id, k.ciphertext
  FROM exporter_revision r JOIN connectors_writekey k ON k.id = r.write_key_id
 WHERE r.id = ANY (%(ids)s::bigint[])
"""


class SettingsCache:
    """Belongs to one thread."""

    def __init__(self) -> None:
        self._known: OrderedDict[int, tuple[float, Current]] = OrderedDict()
        self._plans: dict[tuple[str, bool], Plan] = {}

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
        to = {region: sender.endpoint(f"{url}/v1/batch") for region, url in settings.SEGMENT_URLS.items()}
        for revision_id, selected, anonymous, region, key_id, sealed in execute(
            _SETTINGS, {"ids": revision_ids}
        ):
            try:
                authorization = sender.basic(sealing.open_sealed(sealed))
            except sealing.SecretUnreadable:
                continue
            plan = self._plan(selected, anonymous)
            self._known[revision_id] = (
                now,
                Current(revision_id, True, plan, to[region], authorization, key_id),
            )

    def _plan(self, selected: str, include_anonymous: bool) -> Plan:
        """Most connectors choose the same few sets of event types: each is kept once."""
        plan = self._plans.get((selected, include_anonymous))
        if plan is None:
            if len(self._plans) >= MOST_KEPT:
                self._plans.clear()
            plan = self._plans[selected, include_anonymous] = Plan(
                frozenset(selected.split()), include_anonymous
            )
        return plan
