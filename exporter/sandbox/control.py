"""The sandbox's switches, set by the command line, by `/control` and by tests."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec

from exporter.sandbox.offer import Offer, SandboxRefusal, last4
from exporter.sandbox.rules import Rule, RuleBook

Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=600_000)]
UnknownKeyStatus = Literal[200, 400, 401, 403]


class Switches(msgspec.Struct, forbid_unknown_fields=True):
    """What `POST /control` may carry beside a bare rule; a field left out leaves its switch alone."""

    rules: list[Rule] | None = None
    latency_ms: Milliseconds | None = None
    unknown_key: UnknownKeyStatus | None = None
    known_keys: list[str] | None = None


class Control:
    """The switches as they stand, and as they stood at the start (to which `clear()` returns)."""

    def __init__(self, keys: Iterable[str] = (), unknown_key: int = 200, latency_ms: int = 0) -> None:
        self._at_start = (frozenset(keys), unknown_key, latency_ms)
        self.rules = RuleBook()
        self.clear()

    def clear(self) -> None:
        """Forget every rule and switch set since the start."""
        self.known_keys, self.unknown_key, self.latency_ms = self._at_start
        self.rules.clear()

    def change(self, body: bytes) -> list[int]:
        """Obey a JSON body, which is one rule or `Switches`; returns the numbers of the rules it added.

        Raises `msgspec.MsgspecError` for anything else, and then changes nothing.
        """
        fields = msgspec.json.decode(body, type=dict[str, Any])
        if fields.keys() - set(Switches.__struct_fields__):
            return [self.rules.add(msgspec.convert(fields, Rule))]
        return self.apply(msgspec.convert(fields, Switches))

    def apply(self, switches: Switches) -> list[int]:
        if switches.latency_ms is not None:
            self.latency_ms = switches.latency_ms
        if switches.unknown_key is not None:
            self.unknown_key = switches.unknown_key
        if switches.known_keys is not None:
            self.known_keys = frozenset(switches.known_keys)
        return [self.rules.add(rule) for rule in switches.rules or ()]

    def knows(self, key: str) -> bool:
        return not self.known_keys or key in self.known_keys

    def refusal(self, offer: Offer) -> SandboxRefusal | None:
        """What the request is refused with, if it is; an unknown key is by default not."""
        if offer.refusal is not None:
            return offer.refusal
        if self.unknown_key != HTTPStatus.OK and not self.knows(offer.key):
            return SandboxRefusal(self.unknown_key, "unknown_key", "This write key is not known.")
        return None

    def shown(self) -> dict[str, Any]:
        """For people and `GET /control`: keys as their last four characters."""
        return {
            "latency_ms": self.latency_ms,
            "unknown_key": self.unknown_key,
            "known_keys": sorted(last4(key) for key in self.known_keys),
            "rules": self.rules.shown(),
        }
