"""The numbered stream of events, as a process: `python -m tests.faults.sender SPECIFICATION`.

It behaves as Braze does: a body counts as delivered to us only with a 202, and is sent again until then. What was
acknowledged it notes in a file of its own, a line a body: `<unix time> <target> <first> <end>`. Anything else than a
202, a 503 or a broken connection ends it with a sentence.
"""

from __future__ import annotations

import json
import sys
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

EVENT_TYPE = "users.messages.email.Open"
_SAMPLE = Path(__file__).resolve().parents[1] / "samples" / f"{EVENT_TYPE}.json"
_AGAIN_SECONDS = 0.1


class Unexpected(Exception):
    """Intake answered what it must not answer to these events."""


class Sender:
    """Posts body after body, one at a time, so that numbers enter each target's log in order."""

    def __init__(self, specification: dict[str, Any]) -> None:
        self.addresses: list[tuple[str, int]] = specification["addresses"]
        self.targets: list[dict[str, Any]] = specification["targets"]
        self.events: int = specification["events"]
        self.body: int = specification["body"]
        self.rate: float = specification["rate"]
        self.patience: float = specification["patience"]
        self.notes = open(specification["notes"], "a", buffering=1, encoding="utf-8")  # noqa: SIM115
        self.refusals = open(specification["refusals"], "a", buffering=1, encoding="utf-8")  # noqa: SIM115
        self.place = 0
        self.connection: HTTPConnection | None = None
        self.before, self.after = _halves()

    def run(self) -> None:
        begun, sent = time.monotonic(), 0
        for first in range(0, self.events, self.body):
            end = min(self.events, first + self.body)
            for number in range(len(self.targets)):
                due = begun + sent / self.rate if self.rate else 0.0
                time.sleep(max(0.0, due - time.monotonic()))
                self._deliver(number, first, end)
                sent += end - first

    def _deliver(self, number: int, first: int, end: int) -> None:
        target = self.targets[number]
        body = self._compose(target["prefix"], first, end)
        while True:
            refusal = self._post(target["token"], body, end - first)
            now = time.time()
            if not refusal:
                self.notes.write(f"{now:.6f} {number} {first} {end}\n")
                return
            self.refusals.write(f"{now:.6f} {refusal}\n")
            self.place += 1
            time.sleep(_AGAIN_SECONDS)

    def _post(self, token: str, body: bytes, events: int) -> str:
        """Why it was not acknowledged; empty where it was.

        Raises:
            Unexpected: the answer is none that a sender repeats.
        """
        try:
            if self.connection is None:
                host, port = self.addresses[self.place % len(self.addresses)]
                self.connection = HTTPConnection(host, port, timeout=self.patience)
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            self.connection.request("POST", "/api/v1/events", body, headers)
            answer = self.connection.getresponse()
            said = answer.read()
        except (OSError, HTTPException) as error:
            self._hang_up()
            return type(error).__name__
        if answer.status == 202:
            receipt = json.loads(said)
            if receipt["rejected"] or receipt["accepted"] + receipt["duplicates"] != events:
                raise Unexpected(f"a body of {events} good events was answered {said[:300]!r}")
            return ""
        if answer.status != 503:
            raise Unexpected(f"intake answered {answer.status}: {said[:300]!r}")
        self._hang_up()
        return "503" if answer.headers.get("Retry-After") else "503 without Retry-After"

    def _hang_up(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _compose(self, prefix: str, first: int, end: int) -> bytes:
        events = [
            b"%s%s%d%s" % (self.before, prefix.encode(), number, self.after) for number in range(first, end)
        ]
        return b'{"events":[' + b",".join(events) + b"]}"


def _halves() -> tuple[bytes, bytes]:
    """A catalogue event as Braze shapes it, cut at the place of its id."""
    event = json.loads(_SAMPLE.read_text())["flat"]
    event.update(id="<id>", external_user_id="customer-4711", time=int(time.time()))
    before, after = json.dumps(event).encode().split(b"<id>")
    return before, after


if __name__ == "__main__":
    try:
        Sender(json.loads(Path(sys.argv[1]).read_text())).run()
    except Unexpected as unexpected:
        sys.exit(str(unexpected))
