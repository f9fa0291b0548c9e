"""A small stand-in for Google Cloud Storage, as far as `obstore` speaks it: the XML API's listing and reading.

No emulator of Google's is to be had as a package; this one knows pages, prefixes, delimiters and `If-Match`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from hashlib import md5
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from django.test import override_settings

from tests.support import http_stand_in
from tests.support.object_listing import page_of

PAGE = 2


class Fault(StrEnum):
    """What a bucket does wrong, each so many times."""

    FORBIDDEN = "listing answered 403"
    BUSY = "listing answered 503"
    PAGE_AGAIN = "page listed again"
    BUSY_OBJECT = "object answered 503"
    CUT = "object cut in the middle"


class GoogleStorage:
    """`objects` by name; `forbidden` makes every answer 403; `faults` are those still to come, `played` those that
    were."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.forbidden = False
        self.faults: Counter[Fault] = Counter()
        self.played: Counter[Fault] = Counter()
        self.url = ""

    def plays(self, fault: Fault) -> bool:
        """Whether it is to happen now."""
        if not self.faults[fault]:
            return False
        self.faults[fault] -= 1
        self.played[fault] += 1
        return True

    def key(self) -> str:
        """What people enter: a service account's key, which for a stand-in says where it is."""
        said = {"gcs_base_url": self.url, "disable_oauth": True}
        return json.dumps(said | {"client_email": "", "private_key": "", "private_key_id": ""})

    def listing(self, asked: dict[str, str]) -> str:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        after = max(asked.get("start-after", ""), asked.get("continuation-token", ""))
        objects, folders, behind = page_of(self.objects, prefix, delimiter, after, PAGE)
        found = [f"<CommonPrefixes><Prefix>{escape(folder)}</Prefix></CommonPrefixes>" for folder in folders]
        found += [
            f"<Contents><Key>{escape(name)}</Key><ETag>{etag(self.objects[name])}</ETag>"
            f"<Size>{len(self.objects[name])}</Size><LastModified>2026-11-25T21:00:00Z</LastModified></Contents>"
            for name in objects
        ]
        more = f"<NextContinuationToken>{behind}</NextContinuationToken>" if behind else ""
        return f"<ListBucketResult>{''.join(found)}{more}</ListBucketResult>"


def etag(content: bytes) -> str:
    return f'"{md5(content, usedforsecurity=False).hexdigest()}"'


class _Handler(BaseHTTPRequestHandler):
    storage: GoogleStorage
    bucket: str

    def do_GET(self) -> None:
        storage, parts = self.storage, urlsplit(self.path)
        asked = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        place, _, name = unquote(parts.path).lstrip("/").partition("/")
        if storage.forbidden:
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        elif place != self.bucket:
            self._answer(404, b"<Error><Code>NoSuchBucket</Code></Error>")
        elif name:
            self._read(name)
        else:
            self._list(asked)

    def _list(self, asked: dict[str, str]) -> None:
        if self.storage.plays(Fault.FORBIDDEN):
            self._answer(403, b"<Error><Code>AccessDenied</Code></Error>")
        elif self.storage.plays(Fault.BUSY):
            self._answer(503, b"<Error><Code>SlowDown</Code></Error>")
        else:
            if "continuation-token" in asked and self.storage.plays(Fault.PAGE_AGAIN):
                del asked["continuation-token"]
            self._answer(200, self.storage.listing(asked).encode())

    def _read(self, name: str) -> None:
        content = self.storage.objects.get(name)
        if content is None:
            self._answer(404, b"<Error><Code>NoSuchKey</Code></Error>")
        elif self.headers.get("If-Match", etag(content)) != etag(content):
            self._answer(412, b"")
        elif self.storage.plays(Fault.BUSY_OBJECT):
            self._answer(503, b"<Error><Code>SlowDown</Code></Error>")
        elif self.storage.plays(Fault.CUT):
            self._answer(200, content, whole=False)
        else:
            self._answer(200, content)

    def _answer(self, status: int, body: bytes, *, whole: bool = True) -> None:
        self.send_response(status)
        self.send_header("ETag", etag(body))
        self.send_header("Last-Modified", "Wed, 25 Nov 2026 21:00:00 GMT")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if whole else body[: len(body) // 2])


@contextmanager
def serving(storage: GoogleStorage, bucket: str, port: int = 0) -> Iterator[None]:
    """On loopback; `storage.url` is then its address."""
    with http_stand_in.serving(_Handler, port, storage=storage, bucket=bucket) as storage.url:
        yield


@contextmanager
def running_storage(bucket: str) -> Iterator[GoogleStorage]:
    """One that sources may ask."""
    storage = GoogleStorage()
    with serving(storage, bucket), override_settings(CURRENTS_SOURCE_ENDPOINTS=[storage.url]):
        yield storage
