"""No field of a source makes the server ask an address that whoever runs it has not named."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import obstore
import pytest
from django.db import connection

from connectors.audit.actor import By
from exporter.actions import sources
from exporter.models import Source
from exporter.models.sources import Begin
from exporter.sources.address import BadAddress
from exporter.sources.following import FollowTurn, follow
from exporter.sources.store import Store, Trouble
from tests.exporter.sources.test_following import bucket, server
from tests.support.buckets import Bucket
from tests.support.factories import WorkspaceFactory

__all__ = ["bucket", "server"]

KEYS = {"access_key_id": "somebody", "secret_access_key": "s" * 40}


class Inside(ThreadingHTTPServer):
    """What only the server can reach; it counts who asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.shown: list[str] = []
        inside = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                inside.asked.append(self.path)
                inside.shown.append(f"{self.path} {self.headers}")
                self.send_response(404)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST = do_GET  # noqa: N815

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                """Nobody reads it."""

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def inside() -> Iterator[Inside]:
    with Inside() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def wish(url: str, options: dict[str, str], secrets: dict[str, str]) -> sources.Wish:
    return sources.Wish(url, Begin.BEGINNING, None, options, secrets)


def wishes(host: str) -> dict[str, sources.Wish]:
    """Every field that could become a part of an address, by the field the sentence stands at."""
    google = {"gcs_base_url": f"http://{host}", "disable_oauth": True, "client_email": "", "private_key": ""}
    return {
        "endpoint": wish("s3://bucket", {"endpoint": f"http://{host}"}, KEYS),
        "region": wish("s3://bucket", {"region": f"x@{host}/#"}, KEYS),
        "account_name": wish("az://bucket", {"account_name": f"{host}/?"}, {"sas_key": "sv=1&sig=x"}),
        "service_account_key": wish("gs://bucket", {}, {"service_account_key": json.dumps(google)}),
        "url": wish(f"s3://{host}@elsewhere/prefix", {}, KEYS),
    }


@pytest.mark.parametrize("field", wishes(""))
def test_nothing_that_is_typed_leads_to_a_place_nobody_named(field: str, inside: Inside) -> None:
    meant = wishes(inside.url.removeprefix("http://"))[field]
    with pytest.raises(BadAddress) as told:
        sources.check(meant)
    assert told.value.field == field
    with pytest.raises(BadAddress):
        sources.add(WorkspaceFactory.build(), meant, By(None))
    assert inside.asked == []


@pytest.mark.parametrize(
    "endpoint", ["http://169.254.169.254", "http://[::1]:6379", "https://s3.example.com"]
)
def test_a_place_beside_a_named_one_is_none(endpoint: str, settings: Any) -> None:
    settings.CURRENTS_SOURCE_ENDPOINTS = ["https://s3.example.com:9000", "https://store.example.com"]
    with pytest.raises(BadAddress, match="CURRENTS_SOURCE_ENDPOINTS"):
        sources.check(wish("s3://bucket", {"endpoint": endpoint}, KEYS))


@pytest.mark.parametrize("key", ["a\nb", "a b", "a\x00", "é"])
@pytest.mark.parametrize("name", ["access_key_id", "secret_access_key", "sas_key"])
def test_a_key_that_fits_into_no_header_is_told_and_not_tried(key: str, name: str) -> None:
    """The library ends the thread where it meets one."""
    with pytest.raises(BadAddress, match="blanks"):
        sources.check(wish("s3://bucket", {}, KEYS | {name: key}))


@pytest.mark.django_db(transaction=True)
def test_a_source_whose_place_is_no_longer_named_is_not_asked(inside: Inside, settings: Any) -> None:
    settings.CURRENTS_SOURCE_ENDPOINTS = [inside.url]
    made = sources.add(
        WorkspaceFactory.create(), wish("s3://bucket", {"endpoint": inside.url}, KEYS), By(None)
    )
    settings.CURRENTS_SOURCE_ENDPOINTS = []
    assert follow(made.pk) is FollowTurn.FAILED
    assert "CURRENTS_SOURCE_ENDPOINTS" in Source.objects.get().trouble
    assert inside.asked == []
    connection.close()


@pytest.mark.django_db
def test_a_check_looks_no_longer_than_a_person_waits(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket of one's own with endless names that are no events' would hold a thread of everybody's pages."""
    for number in range(5):
        bucket.put(f"no-event-{number}", b"")
    bucket.put("z/last.avro", b"")
    monkeypatch.setattr(Store, "objects", one_by_one)
    monkeypatch.setattr(sources, "CHECK_SECONDS", -1.0)
    with pytest.raises(Trouble, match="look at the prefix"):
        sources.check(bucket.wish())
    monkeypatch.setattr(sources, "CHECK_SECONDS", 60.0)
    assert sources.check(bucket.wish()) == ["z/last.avro"]


def one_by_one(store: Store, prefix: str, after: str | None = None) -> Any:
    yield from obstore.list(store._store, prefix or None, offset=after, chunk_size=1)


@pytest.mark.django_db
def test_a_check_does_not_wait_for_a_store_that_keeps_silent(settings: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings.CURRENTS_SOURCE_ENDPOINTS = [url]
        began = time.monotonic()
        with pytest.raises(Trouble, match="does not answer"):
            sources.check(wish("s3://bucket", {"endpoint": url}, KEYS))
        assert time.monotonic() - began < 20, "in the background it has minutes"


OURS = {
    "AWS_ACCESS_KEY_ID": "the-servers-id",
    "AWS_SECRET_ACCESS_KEY": "the-servers-key",
    "AWS_SESSION_TOKEN": "the-servers-token",
    "AZURE_STORAGE_ACCOUNT_KEY": b64encode(b"the-servers-key").decode(),
}


@pytest.mark.parametrize(
    ("url", "options", "secrets"),
    [
        ("s3://bucket", {}, KEYS),
        ("az://bucket", {"account_name": "ouraccount"}, {"sas_key": "?sv=1&sig=theirs"}),
        ("az://bucket", {"account_name": "ouraccount"}, {"account_key": b64encode(b"theirs").decode()}),
    ],
)
def test_a_key_of_ones_own_is_never_filled_up_with_the_servers(
    url: str,
    options: dict[str, str],
    secrets: dict[str, str],
    inside: Inside,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.CURRENTS_SOURCE_ENDPOINTS = [inside.url]

    def asked(**environment: str) -> str:
        inside.shown.clear()
        with monkeypatch.context() as there:
            for name, value in environment.items():
                there.setenv(name, value)
            store = Store(url, {"endpoint": inside.url} | options, secrets, hasty=True)
            with pytest.raises(Trouble):
                list(store.objects(""))
        return re.sub(
            r"(?i)\b(x-amz-date|x-ms-date|date): .*|Signature=\w+|SharedKey \S+", "", inside.shown[0]
        )

    told = asked(**OURS)
    assert told == asked()
    assert "the-servers" not in told
    assert ("sharedkey" in inside.shown[0].lower()) is ("account_key" in secrets)


@pytest.mark.parametrize("alone", KEYS)
def test_half_a_key_is_none(alone: str) -> None:
    with pytest.raises(BadAddress) as told:
        sources.check(wish("s3://bucket", {}, {alone: "a-key"}))
    assert {told.value.field, alone} == set(KEYS)
