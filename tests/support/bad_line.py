"""A line to a store that does bad things to answers, one after the other, and then none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests


class Answer(NamedTuple):
    """What goes to the client: `cut` is how many bytes of the content are kept back, though they were promised."""

    status: int
    headers: dict[str, str]
    content: bytes
    cut: int = 0


Fault = Callable[[str, Answer], Answer | None]


class BadLine(ThreadingHTTPServer):
    """Passes requests on to `upstream`; the first of `faults` that fits an answer is done to it and used up."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.faults = upstream, list[Fault]()
        self.guard = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def spoil(self, path: str, answer: Answer) -> Answer:
        with self.guard:
            for fault in self.faults:
                spoiled = fault(path, answer)
                if spoiled is not None:
                    self.faults.remove(fault)
                    return spoiled
        return answer


class _Handler(BaseHTTPRequestHandler):
    server: BadLine

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        # The page that was sent twice has no second one.
        terms = [(name, value) for name, value in parse_qsl(split.query, True) if value != "again"]
        terms = [pair for pair in terms if pair != ("continuation-token", "again")]
        query = f"?{urlencode(terms)}" if terms else ""
        passed = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        got = requests.get(self.server.upstream + split.path + query, headers=passed, timeout=10)
        kept = {
            name: got.headers[name]
            for name in ("ETag", "Last-Modified", "Content-Range")
            if name in got.headers
        }
        answer = self.server.spoil(self.path, Answer(got.status_code, kept, got.content))
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content[: len(answer.content) - answer.cut])
        self.close_connection = bool(answer.cut)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base names it so
        """Nothing: what goes on is for the test to say."""


def refusing(status: int) -> Fault:
    return lambda _path, _answer: Answer(status, {}, b"<Error><Code>No</Code></Error>")


def cutting(name: str) -> Fault:
    """An object's body ends in the middle."""
    return lambda path, answer: answer._replace(cut=len(answer.content) // 2) if name in path else None


def repeating(path: str, answer: Answer) -> Answer | None:
    """A page of a listing says that there is another one, which is the same again."""
    end = b"<IsTruncated>false</IsTruncated>"
    if "list-type=2" not in path or end not in answer.content:
        return None
    more = b"<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>"
    return answer._replace(content=answer.content.replace(end, more))


@contextmanager
def a_bad_line(upstream: str) -> Iterator[BadLine]:
    line = BadLine(upstream)
    thread = threading.Thread(target=line.serve_forever, daemon=True)
    thread.start()
    try:
        yield line
    finally:
        line.shutdown()
        thread.join()
        line.server_close()
