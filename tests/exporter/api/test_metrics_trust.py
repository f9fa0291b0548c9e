"""Who may read `/metrics` without its token: who asks on this machine, by a name of ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings

pytestmark = pytest.mark.django_db
TOKEN = "metrics-" + "n" * 20


@pytest.fixture(autouse=True)
def _bare() -> Iterator[None]:
    with override_settings(
        METRICS_TOKEN=TOKEN, CURRENTS_TRUSTED_PROXIES=0, ALLOWED_HOSTS=["currents.example.com"]
    ):
        yield


def status(host: str = "127.0.0.1:8000", address: str = "127.0.0.1", **headers: str) -> int:
    answer: Any = Client(REMOTE_ADDR=address, HTTP_HOST=host).get("/metrics", headers=headers)
    return int(answer.status_code)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost", "LocalHost:9", "[::1]:8000", "currents.example.com"]
)
def test_this_machine_reads_them_under_a_name_of_ours(host: str) -> None:
    assert status(host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "evil.example:8000", "localhost.evil.example", "", "*", "a,b"],
)
def test_a_page_that_rebinds_its_name_to_this_machine_reads_nothing(host: str) -> None:
    assert status(host) == 401
    with override_settings(ALLOWED_HOSTS=["*"]):
        assert status(host) == 401
    assert status(host, Authorization=f"Bearer {TOKEN}") == 200, "a token is what no page has"


def test_where_the_product_is_published_every_reader_needs_the_token() -> None:
    """A proxy on this machine that leaves out X-Forwarded-For asks just like this machine does."""
    for published in ({"SECURE": True}, {"CURRENTS_TRUSTED_PROXIES": 1}):
        with override_settings(**published):
            assert status() == 401
            assert status(Authorization="Bearer ") == 401
            assert status(Authorization=f"Bearer {TOKEN}x") == 401
            assert status(Authorization=f"Bearer {TOKEN}") == 200


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_what_a_proxy_passes_on_is_not_this_machine(header: str) -> None:
    assert status(**{header: "127.0.0.1"}) == 401
