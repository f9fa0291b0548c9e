"""`manage.py generate_events`: realistic, seeded traffic, as NDJSON or posted to an intake."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from exporter.samples.generator import generate

_TRIES = 10


class Command(BaseCommand):
    help = "Make realistic events from the catalogue."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--count", type=int, default=1_000)
        parser.add_argument("--seed", type=int, default=1, help=_("the same seed makes the same events"))
        parser.add_argument(
            "--rate", type=float, default=0, help=_("events a second; as fast as it can unless given")
        )
        parser.add_argument(
            "--start",
            type=float,
            help=_("time of the first event in UNIX seconds; so that the last is now unless given"),
        )
        parser.add_argument(
            "--span", type=float, default=3_600, help=_("seconds between the first and the last")
        )
        parser.add_argument(
            "--anonymous-share", type=float, default=0.05, help=_("share of people without external id")
        )
        parser.add_argument("--shape", choices=["flat", "custom_http"], default="flat")
        parser.add_argument("--output", type=Path, help=_("file to write; standard output unless given"))
        parser.add_argument(
            "--post", metavar="URL", help=_("intake to post to, such as http://127.0.0.1:8000/api/v1/events")
        )
        parser.add_argument(
            "--token-file", type=Path, help=_("file with the token; CURRENTS_TOKEN unless given")
        )
        parser.add_argument("--body-size", type=int, default=500, help=_("events a body"))

    def handle(self, *args: Any, **options: Any) -> None:
        start = time.time() - options["span"] if options["start"] is None else options["start"]
        events = generate(
            options["seed"],
            options["count"],
            start=start,
            span=options["span"],
            anonymous_share=options["anonymous_share"],
            shape=options["shape"],
        )
        bodies = _paced(events, max(1, options["body_size"]), options["rate"])
        if options["post"]:
            self._post(bodies, options["post"], _token(options["token_file"]))
        else:
            _write(bodies, options["output"])

    def _post(self, bodies: Iterator[list[Any]], url: str, token: str) -> None:
        totals = {"accepted": 0, "duplicates": 0, "rejected": 0}
        with contextlib.closing(_Line(url, token)) as line:
            for body in bodies:
                answer = line.post(msgspec.json.encode({"events": body}))
                totals["accepted"] += answer["accepted"]
                totals["duplicates"] += answer["duplicates"]
                totals["rejected"] += len(answer["rejected"])
        self.stdout.write(
            _("%(accepted)d accepted, %(duplicates)d duplicates, %(rejected)d rejected") % totals
        )


def _paced(events: Iterator[Any], size: int, rate: float) -> Iterator[list[Any]]:
    """Bodies of `size`, no faster than `rate` events a second."""
    began, made = time.monotonic(), 0
    while body := list(islice(events, size)):
        if rate:
            time.sleep(max(0.0, began + made / rate - time.monotonic()))
        made += len(body)
        yield body


def _write(bodies: Iterator[list[Any]], path: Path | None) -> None:
    with contextlib.nullcontext(sys.stdout.buffer) if path is None else path.open("wb") as file:
        for body in bodies:
            file.write(b"".join([msgspec.json.encode(event) + b"\n" for event in body]))
            file.flush()


def _token(path: Path | None) -> str:
    token = path.read_text().strip() if path else os.environ.get("CURRENTS_TOKEN", "").strip()
    if not token:
        raise CommandError(_("Give a token with --token-file or in CURRENTS_TOKEN."))
    return token


class _Line:
    """A kept connection to an intake."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise CommandError(_("“%(url)s” is no http or https address.") % {"url": url})
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=30)
        self._path = parts.path or "/"
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, body: bytes) -> dict[str, Any]:
        """The intake's answer; comes again where it asks for that.

        Raises:
            CommandError: it refused, or did not answer at all.
        """
        status, content = 0, b""
        for again in range(_TRIES):
            try:
                self._connection.request("POST", self._path, body, self._headers)
                response = self._connection.getresponse()
                status, content = response.status, response.read()
                wait = float(response.headers.get("Retry-After") or 1)
            except (OSError, HTTPException) as error:
                self._connection.close()
                status, content, wait = 0, type(error).__name__.encode(), min(5.0, 0.2 * 2**again)
            if status in (200, 202):
                answer: dict[str, Any] = msgspec.json.decode(content)
                return answer
            if status not in (0, 429, 503):
                break
            time.sleep(wait)
        raise CommandError(
            _("The intake answered %(status)s: %(content)s")
            % {"status": status or "—", "content": content[:300].decode("utf-8", "replace")}
        )

    def close(self) -> None:
        self._connection.close()
