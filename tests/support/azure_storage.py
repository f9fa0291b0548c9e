"""A small stand-in for Azure Blob Storage, as far as `obstore` speaks it: listing in pages and reading with `If-Match`.

Azurite is the real part; `AZURITE=http://127.0.0.1:10000 AZURITE_KEY=…`, with the key it says it has, has the tests ask
that one instead. It is an npm package of some hundred others, so nothing here depends on it.
"""

from __future__ import annotations

import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from hashlib import md5
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import requests

from tests.support.http_stand_in import serving
from tests.support.object_listing import page_of

PAGE = 2
ACCOUNT = "devstoreaccount1"
# The stand-in looks at no signature.
KEY = os.environ.get("AZURITE_KEY") or b64encode(b"a key for the stand-in").decode()
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
        objects, folders, more = page_of(self.objects, prefix, delimiter, after, PAGE)
        found = [f"<BlobPrefix><Name>{escape(folder)}</Name></BlobPrefix>" for folder in folders]
        found += [
            f"<Blob><Name>{escape(name)}</Name><Properties><Last-Modified>{_DATE}</Last-Modified>"
            f"<Etag>{etag(self.objects[name])}</Etag><Content-Type>x/x</Content-Type>"
            f"<Content-Length>{len(self.objects[name])}</Content-Length></Properties></Blob>"
            for name in objects
        ]
        blobs = "".join(found)
        return f"<EnumerationResults><Blobs>{blobs}</Blobs><NextMarker>{escape(more)}</NextMarker></EnumerationResults>"


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


@contextmanager
def running_storage(container: str) -> Iterator[AzureStorage]:
    storage = AzureStorage(container)
    with serving(_Handler, storage=storage) as address:
        storage.url = f"{address}/{ACCOUNT}"
        yield storage


def make_container(server: str, name: str) -> None:
    """In a real service, or Azurite; where it stands already, it is left as it is."""
    at, version = formatdate(usegmt=True), "2021-08-06"
    path = f"/{ACCOUNT}/{name}"
    # Eleven headers that are not sent, then those of x-ms, then the resource: there the account stands twice.
    said = f"PUT{chr(10) * 12}x-ms-date:{at}\nx-ms-version:{version}\n/{ACCOUNT}{path}\nrestype:container"
    signed = b64encode(hmac.digest(b64decode(KEY), said.encode(), "sha256")).decode()
    headers = {
        "x-ms-date": at,
        "x-ms-version": version,
        "Authorization": f"SharedKey {ACCOUNT}:{signed}",
    }
    answer = requests.put(f"{server}{path}?restype=container", headers=headers, timeout=10)
    assert answer.status_code in (201, 409), answer.text
