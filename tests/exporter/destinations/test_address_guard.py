"""Somebody else's address never leads into the server's own network."""

from __future__ import annotations

import pytest

from exporter.destinations import sender
from exporter.destinations.address_guard import AddressGuard, guard
from exporter.destinations.connection import NOT_PERMITTED
from exporter.destinations.endpoint import endpoint
from tests.support.receiver import a_receiver

INSIDE = [
    "127.0.0.1",
    "127.8.9.10",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "no address",
    "",
]


@pytest.mark.parametrize("address", INSIDE)
def test_what_is_inside_is_not_permitted(address: str) -> None:
    assert not AddressGuard().permits(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::101:101"])
def test_what_is_public_is(address: str) -> None:
    assert AddressGuard().permits(address)


def test_whoever_runs_the_installation_can_allow_networks() -> None:
    allowed = guard(["10.0.0.0/8", "fd00::/8"])
    assert allowed.permits("10.1.2.3")
    assert allowed.permits("fd12::1")
    assert not allowed.permits("127.0.0.1")
    assert not allowed.permits("169.254.169.254")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0"])
def test_no_spelling_of_this_computer_is_connected_to(host: str) -> None:
    with a_receiver() as receiver:
        port = receiver.url.rpartition(":")[2].partition("/")[0]
        to = endpoint(f"http://{host}:{port}/hook")
        assert sender.post(to, b"", lambda: b"{}").status == 200, "without a guard it is reached"
        guarded = endpoint(f"http://{host}:{port}/hook").guarded(AddressGuard())
        answer = sender.post(guarded, b"", lambda: b"{}")
        assert (answer.status, answer.error) == (None, NOT_PERMITTED)
        assert len(receiver.posts) == 1
