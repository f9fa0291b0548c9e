"""The main job, with every part a real process: a person launches a connector in the browser, events come in over
HTTP, the destination has them, the status says so; also with one part after the other missing.

The tests share one running product and follow one another.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from http.cookiejar import CookieJar
from typing import Any
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, Request, build_opener

import psutil
import pytest

from connectors.catalogue.catalogue import ALL
from currents_admin import local
from tests.house.running import ROOT, Running, until
from tests.support.factories import event


class Person:
    """Somebody with a browser that runs no scripts."""

    def __init__(self, house: Running) -> None:
        self.house = house
        self.browser: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))
        self.address = ""

    def open(self, path: str) -> str:
        with self.browser.open(self.house.address + path, timeout=10) as answer:
            self.address = urlsplit(answer.url).path
            return str(answer.read().decode())

    def submit(self, path: str, **fields: Any) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.open(path))
        assert token is not None
        form = urlencode({"csrfmiddlewaretoken": token[1], **fields}, doseq=True).encode()
        headers = {"Referer": self.house.address + path}
        request = Request(self.house.address + path, form, headers)  # noqa: S310 - our own
        with self.browser.open(request, timeout=10) as answer:
            self.address = urlsplit(answer.url).path
            return str(answer.read().decode())


class Product:
    """The running product with one workspace's connector and token."""

    def __init__(self, house: Running) -> None:
        self.house = house
        self.posted = 0
        self.token = self.command("create_intake_token", "--workspace", "demo", "Braze").split()[-1]
        self.person = Person(house)
        password = house.said().split("Password", 1)[1].split()[0]
        self.person.submit("/accounts/login/", login="admin@demo.example", password=password)
        self.person.submit(
            "/w/demo/data-export/new/segment/",
            name="Lifecycle events",
            contact_email="data@demo.example",
            write_key="a" * 32,
            region="eu",
            selected_events=sorted(ALL),
        )
        found = re.fullmatch(r"/w/demo/data-export/(\d+)/", self.person.address)
        assert found is not None, self.person.address
        self.connector_id = int(found[1])

    def command(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.house.environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout

    def post(self, *, seconds: float = 10.0) -> str:
        """Posts one event and answers its id, once intake has acknowledged it."""
        self.posted += 1
        one = event(self.posted, id=f"main-line-{self.posted}")
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", self.house.port, timeout=seconds)) as door:
            door.request("POST", "/api/v1/events", json.dumps({"events": [one]}), headers)
            answer = door.getresponse()
            assert answer.status == 202
            assert json.loads(answer.read()) == {"accepted": 1, "duplicates": 0, "rejected": []}
        return str(one["id"])

    def get(self, url: str, **headers: str) -> Any:
        with build_opener().open(Request(url, headers=headers), timeout=10) as answer:  # noqa: S310 - our own
            return json.load(answer)

    def arrived(self, event_id: str) -> bool:
        return bool(self.get(f"{self.house.services()['sandbox_url']}/calls?message_id={event_id}"))

    def status(self) -> Any:
        url = f"{self.house.address}/api/v1/connectors/{self.connector_id}/status"
        return self.get(url, Authorization=f"Bearer {self.token}")

    @contextmanager
    def frozen(self, *parts: str) -> Iterator[None]:
        """These parts stand still, but are not dead: nobody starts them again."""
        processes = [psutil.Process(self.house.parts()[part]) for part in parts]
        for process in processes:
            process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                process.send_signal(signal.SIGCONT)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    folder = local.folder() / f"main-line-{os.getpid()}"
    house = Running(folder)
    house.start()
    try:
        yield Product(house)
        assert "balances" in Product.command(product_of(house), "check_ledger")
    finally:
        house.stop()
        subprocess.run(["rm", "-rf", str(folder), str(house.output)], check=True)


def product_of(house: Running) -> Product:
    bare = Product.__new__(Product)
    bare.house = house
    return bare


def test_an_event_is_at_the_destination_and_on_the_page_within_two_seconds(product: Product) -> None:
    event_id = product.post()
    until(lambda: product.arrived(event_id), seconds=2)
    until(lambda: product.status()["outcomes"]["delivered"] == 1, seconds=2)
    status = product.status()
    assert (status["received"], status["pending"], status["health"]) == (1, 0, "delivering")
    assert "Lifecycle events" in product.person.open(f"/w/demo/data-export/{product.connector_id}/")


@pytest.mark.parametrize("page", ["", "{}/"])
def test_a_page_weighs_less_than_100_000_bytes_with_a_cold_cache(product: Product, page: str) -> None:
    path = "/w/demo/data-export/" + page.format(product.connector_id)
    html = product.person.open(path)
    weight = len(html.encode())
    parts = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', html))
    assert {part.rpartition(".")[2] for part in parts} >= {"css", "js", "svg"}
    for part in parts:
        request = Request(product.house.address + part, headers={"Accept-Encoding": "gzip"})  # noqa: S310 - our own
        with build_opener().open(request, timeout=10) as answer:
            sent = len(answer.read())
            assert answer.headers["Content-Encoding"] == "gzip" or sent < 1_000
            assert int(answer.headers["Content-Length"]) == sent
            assert "max-age=315360000" in answer.headers["Cache-Control"]
            weight += sent
    assert weight < 100_000


def test_with_beat_standing_still_an_event_arrives_within_two_seconds(product: Product) -> None:
    with product.frozen("beat"):
        # Let go of whatever a worker was still lingering on.
        until(lambda: not held(product), seconds=5)
        event_id = product.post()
        until(lambda: product.arrived(event_id), seconds=2)


def test_with_no_worker_nothing_leaves_and_nothing_is_lost(product: Product) -> None:
    until(lambda: product.status()["pending"] == 0, seconds=5)
    with product.frozen("worker", "retry-worker"):
        event_id = product.post()
        until(lambda: product.status()["pending"] == 1, seconds=2)
        assert not product.arrived(event_id)
    until(lambda: product.arrived(event_id), seconds=20)


def test_with_redis_frozen_intake_answers_within_a_second(product: Product) -> None:
    with product.frozen("redis"):
        ids = [product.post(seconds=1.0) for _ in range(5)]
    until(lambda: all(map(product.arrived, ids)), seconds=10)


def test_what_is_posted_while_the_broker_is_down_arrives_within_ten_seconds_of_its_return(
    product: Product,
) -> None:
    before = product.house.parts()["redis"]
    os.kill(before, signal.SIGKILL)
    event_id = product.post(seconds=1.0)
    until(lambda: product.house.parts()["redis"] != before, seconds=5)
    until(lambda: product.arrived(event_id), seconds=10)


def held(product: Product) -> bool:
    import psycopg

    with psycopg.connect(product.house.services()["database_url"]) as database:
        row = database.execute(
            "SELECT count(*) FROM exporter_delivery WHERE lease_token IS NOT NULL"
        ).fetchone()
    return row != (0,)
