"""The sender goes through the proxies of the environment, and names what is wrong with the network."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from exporter.destinations import sender
from tests.exporter.destinations.test_sender import OK, _nothing_stays_open, posted
from tests.support.raw_server import raw_server

__all__ = ["_nothing_stays_open"]


def test_faults_of_the_network_have_plain_names() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert _fault(f"http://127.0.0.1:{port}/") == "connection refused"
    assert _fault("http://nobody.invalid/") == "host name not found"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_greet, args=(listener,))
        thread.start()
        assert (
            _fault(f"https://127.0.0.1:{listener.getsockname()[1]}/")
            == "TLS certificate or handshake refused"
        )
        thread.join()


def _greet(listener: socket.socket) -> None:
    """A server that speaks first, and no TLS."""
    with listener.accept()[0] as sock:
        sock.sendall(b"220 mail.example.com ESMTP ready\r\n")
        sock.recv(1000)


def _fault(url: str) -> str:
    return sender.post(sender.endpoint(url), b"x", lambda: b"{}").error


class TestProxies:
    """A proxy of the environment is used, and its faults are told as its own."""

    @pytest.fixture(autouse=True)
    def _no_proxy_of_the_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in list(os.environ):
            if name.lower().endswith("_proxy"):
                monkeypatch.delenv(name)
        sender.endpoint.cache_clear()

    def test_a_secure_request_goes_through_a_tunnel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def tunnel_to_nowhere(sock: socket.socket) -> None:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            sock.recv(1000)
            sock.sendall(b"this is not TLS")

        with raw_server(tunnel_to_nowhere) as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{proxy.port}")
            assert _fault("https://api.example.com/v1/batch") == "TLS certificate or handshake refused"
        lines = proxy.requests[0].split(b"\r\n")
        assert lines[:2] == [b"CONNECT api.example.com:443 HTTP/1.1", b"Host: api.example.com:443"]
        assert b"Proxy-Authorization: " + sender.basic("me", "p@ss") in lines
        assert not any(line.startswith(b"Authorization") for line in lines), (
            "the key is not the proxy's to see"
        )

    def test_a_plain_request_names_its_whole_address_to_the_proxy(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with raw_server(OK) as proxy:
            monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
            to = sender.endpoint("http://collector.example.com:8080/v1/batch")
            assert sender.post(to, b"x", lambda: b"{}").status == 200
        assert proxy.requests[0].startswith(b"POST http://collector.example.com:8080/v1/batch HTTP/1.1\r\n")

    def test_no_proxy_and_loopback_go_straight(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("NO_PROXY", "internal.example.com")
        assert sender.endpoint("http://internal.example.com/").proxy is None
        assert sender.endpoint("http://other.example.com/").proxy is not None
        with raw_server(OK) as server:
            assert posted(server).status == 200

    def test_a_proxy_that_refuses_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with raw_server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.port}")
            assert _fault("https://api.example.com/") == "proxy 127.0.0.1: refused with status 407"

    def test_a_proxy_that_is_not_there_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
        assert _fault("https://api.example.com/") == "proxy proxy.invalid: host name not found"

    def test_a_proxy_that_cannot_be_used_says_what_is_expected(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HTTPS_PROXY", "socks5://127.0.0.1:1080")
        assert _fault("https://api.example.com/") == (
            "HTTPS_PROXY must look like http://proxy.example.com:3128."
        )
