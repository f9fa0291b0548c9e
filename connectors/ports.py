"""What happens around a connector, told to whoever listens.

`connectors` does not know the exporter: it declares these events, and the exporter registers for them at start. Each is
called inside the transaction of the change, so what a listener writes stands or falls with it. What a page needs to
know about the delivery is asked for in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from connectors.models import Connector


@dataclass(frozen=True, slots=True)
class KeyAnswer:
    """How the destination last answered events delivered with a write key."""

    at: datetime
    status: int | None
    accepted: bool


class Listener(Protocol):
    def launched(self, connector: Connector) -> None: ...
    def changed(self, connector: Connector) -> None: ...
    def key_rotated(self, connector: Connector) -> None: ...
    def resumed(self, connector: Connector) -> None: ...
    def deleted(self, connector: Connector) -> None: ...
    def waiting(self, connector: Connector) -> int: ...
    def key_answers(self, connector: Connector) -> dict[int, KeyAnswer]: ...


_listeners: list[Listener] = []


def register(listener: Listener) -> None:
    """Registers a listener; called once per process and listener, when the app is ready."""
    if listener not in _listeners:
        _listeners.append(listener)


def launched(connector: Connector) -> None:
    for listener in _listeners:
        listener.launched(connector)


def changed(connector: Connector) -> None:
    for listener in _listeners:
        listener.changed(connector)


def key_rotated(connector: Connector) -> None:
    for listener in _listeners:
        listener.key_rotated(connector)


def resumed(connector: Connector) -> None:
    for listener in _listeners:
        listener.resumed(connector)


def deleted(connector: Connector) -> None:
    for listener in _listeners:
        listener.deleted(connector)


def waiting(connector: Connector) -> int:
    """How many events have been received and are not settled yet; it changes nothing."""
    return sum(listener.waiting(connector) for listener in _listeners)


def key_answers(connector: Connector) -> dict[int, KeyAnswer]:
    """The last answer that says something about a key, by the key's id; it changes nothing."""
    return {key: said for listener in _listeners for key, said in listener.key_answers(connector).items()}
