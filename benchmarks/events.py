"""The events of all measurements: the generator's seeded mix, in each form a sender needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from itertools import islice

import msgspec

from connectors.catalogue.catalogue import ALL
from exporter.destinations.segment.transform import Plan, convert
from exporter.intake.normalise import normalise
from exporter.log.events import Incoming
from exporter.samples.generator import generate

SEED = 7
# So many different events; beyond that they come again with ids of their own.
TEMPLATES = 50_000
_EVERYTHING = Plan(ALL, include_anonymous=True)


@dataclass(frozen=True, slots=True)
class Template:
    """An event as JSON, cut open where its id stands."""

    before: bytes
    after: bytes

    def with_id(self, event_id: bytes) -> bytes:
        return b"".join((self.before, event_id, self.after))


@cache
def _templates(shape: str) -> list[Template]:
    mark = "00000000-0000-4000-8000-000000000000"
    made = []
    for event in generate(SEED, TEMPLATES, shape=shape):
        text = msgspec.json.encode({**event, "id": mark})
        before, _, after = text.partition(mark.encode())
        made.append(Template(before, after))
    return made


def _ids(run: str) -> Iterator[bytes]:
    """Ids like Braze's, which do not compress; the same for the same run."""
    number = 0
    while True:
        text = blake2b(f"{run}/{number}".encode(), digest_size=16).hexdigest()
        yield f"{text[:8]}-{text[8:12]}-4{text[13:16]}-8{text[17:20]}-{text[20:]}".encode()
        number += 1


def raw(run: str, count: int, shape: str = "flat") -> Iterator[bytes]:
    """Events as JSON; `run` makes their ids, `shape` is flat or custom_http."""
    templates, ids = _templates(shape), _ids(run)
    for number in range(count):
        yield templates[number % TEMPLATES].with_id(next(ids))


def incoming(run: str, count: int) -> Iterator[list[Incoming]]:
    """The same, normalised, in groups of up to 10,000."""
    source = raw(run, count)
    while group := [normalise(one) for one in islice(source, 10_000)]:
        yield group


def calls(run: str, count: int) -> Iterator[bytes]:
    """The finished Segment calls of these events: what the peers are given."""
    for one in raw(run, count):
        call = convert(normalise(one).line, _EVERYTHING).call
        assert call is not None
        yield call
