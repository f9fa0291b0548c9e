"""The product as it was before it learned an event type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from connectors.catalogue.catalogue import CATALOGUE
from exporter.destinations.segment import transform


@contextmanager
def older_catalogue(*unknown: str) -> Iterator[None]:
    """Inside, the catalogue is of the version before and knows nothing of these types."""
    known = {name: event for name, event in CATALOGUE.by_name.items() if event.event_type not in unknown}
    before: dict[str, Any] = {"by_name": CATALOGUE.by_name, "version": CATALOGUE.version}
    tables: list[dict[Any, Any]] = [transform._CONVERTERS, transform._BY_BEGINNING]
    _set(by_name=MappingProxyType(known), version=CATALOGUE.version - 1)
    with patch.dict(tables[0]), patch.dict(tables[1]):
        for table in tables:
            for key in [key for key, converter in table.items() if converter.event_type in unknown]:
                del table[key]
        try:
            yield
        finally:
            _set(**before)


def _set(**fields: Any) -> None:
    """Everybody holds the one catalogue, which nobody else may change."""
    for name, value in fields.items():
        object.__setattr__(CATALOGUE, name, value)
