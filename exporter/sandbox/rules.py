"""How the sandbox is told to fail: an ordered list of rules; the first that fits a request is used."""

import random
import threading
from http import HTTPStatus
from typing import Annotated, Any

import msgspec

from exporter.sandbox.offer import Offer, last4

Count = Annotated[int, msgspec.Meta(ge=0)]


class Match(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Which requests a rule is for: those with the key, and with one call that has all the rest."""

    event: str | None = None
    message_id: str | None = None
    message_id_prefix: str | None = None
    key4: Annotated[str, msgspec.Meta(min_length=4, max_length=4)] | None = None

    def everything(self) -> bool:
        return self == Match()

    def fits(self, offer: Offer) -> bool:
        if self.key4 is not None and last4(offer.key) != self.key4:
            return False
        if self.event is None and self.message_id is None and self.message_id_prefix is None:
            return True
        return any(self._fits_call(call.event, call.message_id) for call in offer.calls)

    def _fits_call(self, event: Any, message_id: Any) -> bool:
        if self.event is not None and event != self.event:
            return False
        if self.message_id is not None and message_id != self.message_id:
            return False
        prefix = self.message_id_prefix
        return prefix is None or (isinstance(message_id, str) and message_id.startswith(prefix))


class Rule(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One fault. Several fields may be combined.

    `status`, `headers`, `body` replace those of the answer; `delay_ms` waits before it, when the calls are
    kept already. `interim` is the status of an answer that goes before the final one. `hang` never answers
    until the client goes (at most 60 s). `reset` closes with RST, before the body is read where no rule needs
    the body; `accept_then_reset` keeps the calls first. `slow_body` sends the answer's body over a minute;
    `huge_body` makes it that many bytes. `probability` (0 to 1, from `seed`) and `count` (uses) bound the rule.

    The calls are kept where the rule lets a 2xx answer through, else they are not; `store` overrides that.
    """

    status: Annotated[int, msgspec.Meta(ge=200, le=599)] | None = None
    headers: dict[str, str] = {}
    body: str | None = None
    interim: Annotated[int, msgspec.Meta(ge=102, le=199)] | None = None
    delay_ms: Count = 0
    hang: bool = False
    reset: bool = False
    accept_then_reset: bool = False
    slow_body: bool = False
    huge_body: Annotated[int, msgspec.Meta(ge=0, le=1 << 30)] = 0
    store: bool | None = None
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    seed: int = 0
    count: Count | None = None
    match: Match = msgspec.field(default_factory=Match)

    def __post_init__(self) -> None:
        for text in (*self.headers, *self.headers.values()):
            if not text.isprintable() or not text.isascii():
                raise ValueError("headers must be printable ASCII")

    def resets(self) -> bool:
        return self.reset or self.accept_then_reset

    def stores(self) -> bool:
        if self.store is not None:
            return self.store
        if self.accept_then_reset:
            return True
        return (
            not self.hang
            and not self.reset
            and (self.status is None or self.status < HTTPStatus.MULTIPLE_CHOICES)
        )


class StandingRule:
    """A rule in force, with its random source and the number of its uses."""

    def __init__(self, number: int, rule: Rule) -> None:
        self.number = number
        self.rule = rule
        self.uses = 0
        self._random = random.Random(rule.seed)  # noqa: S311 (a fault must be repeatable, not secret)

    def ended(self) -> bool:
        return self.rule.count is not None and self.uses >= self.rule.count

    def takes(self, offer: Offer) -> bool:
        if self.ended() or not self.rule.match.fits(offer):
            return False
        if self.rule.probability < 1 and self._random.random() >= self.rule.probability:
            return False
        self.uses += 1
        return True

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.number,
            "uses": self.uses,
            "ended": self.ended(),
            "rule": msgspec.to_builtins(self.rule),
        }


class RuleBook:
    """The rules in force, in order. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._standing: list[StandingRule] = []
        self._numbers = 0

    def add(self, rule: Rule) -> int:
        """Append a rule; returns its number, never used twice in a sandbox's life."""
        with self._lock:
            self._numbers += 1
            self._standing.append(StandingRule(self._numbers, rule))
            return self._numbers

    def clear(self) -> None:
        with self._lock:
            self._standing = []

    def needs_body(self) -> bool:
        """Whether a rule can only be chosen after the body was read."""
        with self._lock:
            return any(not each.rule.match.everything() for each in self._standing if not each.ended())

    def choose(self, offer: Offer) -> StandingRule | None:
        with self._lock:
            return next((each for each in self._standing if each.takes(offer)), None)

    def standing(self) -> list[Rule]:
        """The rules that may still be used."""
        with self._lock:
            return [each.rule for each in self._standing if not each.ended()]

    def shown(self) -> list[dict[str, Any]]:
        with self._lock:
            return [each.shown() for each in self._standing]
