"""A small stand-in for Azure Blob Storage, as far as `obstore` speaks it: listing in pages and reading with `If-Match`.

Azurite is the real part; `AZURITE=http://127.0.0.1:10000` has the tests ask that one instead. It is an npm package of
some hundred others, so nothing here depends on it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

PAGE = 2
# The account and key every emulator of Azure's has; they are public.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_DATE = "Wed, 25 Nov 2026 21:00:00 GMT"


class AzureStorage:
    """`objects` by name."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.objects: dict[str, bytes] = {}
        self.url = ""

    def put(self, name: str, content: bytes) -> None:
        self.objects[name] = content

    def listing(self, asked: dict[str, str]) -> str:
        prefix, delimiter, after = (asked.get(name, "") for name in ("prefix", "delimiter", "marker"))
        entries: dict[str, str] = {}
        for name in sorted(self.objects):
            if not name.startswith(prefix) or name <= after:
                continue
            end = name.find(delimiter, len(prefix)) if delimiter else -1
            if end >= 0:
                folder = name[: end + 1]
                entries[folder] = f"<BlobPrefix><Name>{escape(folder)}</Name></BlobPrefix>"
            else:
                entries[name] = (
                    f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{_DATE}</Last-Modified>"
                    f"<Etag>{etag(self.objects[name])}</Etag><Content-Type>x/x</Content-Type>"
                    f"<Content-Length>{len(self.objects[name])}</Content-Length></Properties></Blob>"
                )
        page = list(entries)[:PAGE]
        more = "" if len(page) == len(entries) else page[-1]
        found = "".join(entries[name] for name in page)
        return f"<EnumerationResults><Blobs>{found}</Blobs><NextMarker>{escape(more)}</NextMarker></EnumerationResults>"


def etag(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    storage: AzureStorage

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        place, _, name = unquote(parts.path).removeprefix(f"/{ACCOUNT}/").partition("/")
        content = self.storage.objects.get(name)
        if place != self.storage.container:
            self._answer(404, b"<Error><Code>ContainerNotFound</Code></Error>")
        elif not name:
            self._answer(200, self.storage.listing(asked).encode())
        elif content is None:
            self._answer(404, b"<Error><Code>BlobNotFound</Code></Error>")
        elif self.headers.get("If-Match", etag(content)) != etag(content):
            self._answer(412, b"")
        else:
            self._answer(200, content)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("ETag", etag(body))
        self.send_header("Last-Modified", _DATE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nobody reads it."""


@contextmanager
def running_storage(container: str) -> Iterator[AzureStorage]:
    storage = AzureStorage(container)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"storage": storage}))
    storage.url = f"http://127.0.0.1:{server.server_port}/{ACCOUNT}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield storage
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
