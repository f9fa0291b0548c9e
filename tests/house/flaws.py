"""Known flaws in what the product depends on: an advisory service is asked, the answer told in plain lines.

`python -m tests.house.flaws FILE…` asks about every version pinned in the lock files. It ends with 1 where a
flaw is known. Where the service cannot be asked in time it says so and ends with 0: work without a network
goes on. One question holds all versions, so that a slow line still answers within the bound.

The protocol is OSV's: https://google.github.io/osv.dev/post-v1-querybatch/ and get-v1-vulns beside it.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import NamedTuple, TypeVar

import msgspec
import requests

SERVICE = "https://api.osv.dev"
SECONDS = 9.0
# Advisory → why it cannot harm this product. For flaws that nobody has mended yet.
ACCEPTED: dict[str, str] = {}

T = TypeVar("T")
_PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;]+)", re.MULTILINE)


class NotAsked(Exception):
    """The service gave no usable answer; the text says why."""


class Pin(NamedTuple):
    name: str
    version: str


class _Named(msgspec.Struct):
    id: str


class _Found(msgspec.Struct):
    vulns: list[_Named] = []
    next_page_token: str = ""


class _Answer(msgspec.Struct):
    results: list[_Found]


class _Event(msgspec.Struct):
    fixed: str = ""


class _Range(msgspec.Struct):
    type: str
    events: list[_Event] = []


class _Package(msgspec.Struct):
    name: str = ""


class _Affected(msgspec.Struct):
    package: _Package = msgspec.field(default_factory=_Package)
    ranges: list[_Range] = []


class Advisory(msgspec.Struct):
    id: str
    summary: str = ""
    withdrawn: str = ""
    aliases: list[str] = []
    affected: list[_Affected] = []

    def fixed_in(self, name: str) -> list[str]:
        return [
            event.fixed
            for affected in self.affected
            if _canonical(affected.package.name) == _canonical(name)
            for among in affected.ranges
            if among.type == "ECOSYSTEM"
            for event in among.events
            if event.fixed
        ]


def pins(texts: list[str]) -> list[Pin]:
    """Every version that the lock files' texts pin, each once, in order of name."""
    return sorted({Pin(_canonical(name), version) for text in texts for name, version in _PIN.findall(text)})


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Service:
    """An OSV service, asked until `seconds` from now are over. Raises NotAsked."""

    def __init__(self, url: str, seconds: float) -> None:
        self._url = url
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def known(self, asked: list[Pin]) -> dict[Pin, list[str]]:
        """The advisories' ids by the version they concern."""
        queries = [
            {"package": {"name": pin.name, "ecosystem": "PyPI"}, "version": pin.version} for pin in asked
        ]
        answer = self._ask("POST", "/v1/querybatch", _Answer, {"queries": queries})
        if len(answer.results) != len(asked) or any(
            found.next_page_token and not found.vulns for found in answer.results
        ):
            raise NotAsked("it answered only in part")
        ids = ([named.id for named in found.vulns] for found in answer.results)
        return {pin: found for pin, found in zip(asked, ids, strict=True) if found}

    def advisory(self, name: str) -> Advisory:
        return self._ask("GET", f"/v1/vulns/{name}", Advisory)

    def _ask(self, method: str, path: str, kind: type[T], question: object = None) -> T:
        def ask() -> T:
            with requests.request(method, self._url + path, json=question, timeout=self._seconds) as answer:
                answer.raise_for_status()
                return msgspec.json.decode(answer.content, type=kind)

        try:
            return within(self._end - time.monotonic(), ask)
        except (TimeoutError, requests.Timeout):
            raise NotAsked(f"no answer within {self._seconds:g} s") from None
        except (requests.RequestException, msgspec.DecodeError) as error:
            raise NotAsked(type(error).__name__) from None


def within(seconds: float, work: Callable[[], T]) -> T:
    """What the work answers or raises; TimeoutError when it takes longer, and the work is left behind.

    A thread, because neither a name server that keeps silent nor a server that sends a byte now and then
    heeds the timeout of a request. A daemon does not keep the program from ending.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except Exception as error:
            done.set_exception(error)

    Thread(target=run, daemon=True).start()
    return done.result(timeout=max(seconds, 0))


def told(service: Service, pin: Pin, ids: list[str]) -> list[str]:
    """A line for each flaw of this version; one that goes by several names is told once."""
    lines: list[str] = []
    names: set[str] = set()
    for name in sorted(ids):
        try:
            advisory = service.advisory(name)
        except NotAsked:
            advisory = Advisory(name, "the advisory itself could not be read")
        own = {name, *advisory.aliases}
        if advisory.withdrawn or own & names or own & ACCEPTED.keys():
            continue
        names |= own
        fixed = ", ".join(advisory.fixed_in(pin.name)) or "no version yet"
        also = f" ({', '.join(advisory.aliases)})" if advisory.aliases else ""
        lines.append(f"{pin.name} {pin.version}: {name}{also}: {advisory.summary} Fixed in: {fixed}.")
    return lines


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.house.flaws")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--service", default=SERVICE)
    parser.add_argument("--seconds", default=SECONDS, type=float)
    given = parser.parse_args(arguments)
    asked = pins([file.read_text() for file in given.files])
    if not asked:
        parser.error("these files pin no version")
    service = Service(given.service, given.seconds)
    try:
        known = service.known(asked)
    except NotAsked as error:
        sys.stdout.write(
            f"Known flaws: not asked, {given.service} is out of reach ({error}). "
            "This proves nothing: ask again with a network before a release.\n"
        )
        return 0
    lines = [line for pin, ids in known.items() for line in told(service, pin, ids)]
    if not lines:
        sys.stdout.write(f"Known flaws: none to mend in {len(asked)} pinned versions.\n")
        return 0
    sys.stdout.write("Known flaws in pinned versions:\n" + "".join(f"  {line}\n" for line in lines))
    sys.stdout.write(
        "Run `make lock` for the fixed versions, then `make check`. Where there is none and the flaw cannot "
        "harm this product, note its name and why in ACCEPTED in tests/house/flaws.py.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
