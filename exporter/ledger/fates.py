"""The fate of a single event under given rules, computed without the code that delivers."""

from __future__ import annotations

from typing import Any, NamedTuple

from connectors.catalogue.catalogue import CATALOGUE
from exporter.models import Revision


class Rules(NamedTuple):
    """What a revision selects, and the version of the catalogue it was made under."""

    selected: frozenset[str]
    include_anonymous: bool
    catalogue_version: int

    @classmethod
    def of(cls, revision: Revision) -> Rules:
        selected = frozenset(map(CATALOGUE.canonical, revision.selected_events))
        return cls(selected, revision.include_anonymous, revision.catalogue_version)


def fate(event: dict[str, Any], rules: Rules, *, expired: bool, rejected: bool) -> str:
    """The outcome of a settled event under the settings it was settled with."""
    known = CATALOGUE.by_name.get(event["event_type"])
    if known is None or known.since > rules.catalogue_version:
        return "unsupported"
    if known.event_type not in rules.selected:
        return "unselected"
    if event.get("external_user_id") in (None, "") and not rules.include_anonymous:
        return "anonymous"
    if expired:
        return "expired"
    return "rejected" if rejected else "delivered"
