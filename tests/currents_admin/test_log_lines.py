"""Addresses that open a door stand in no log, even where the answer is a refusal."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import pytest

from tests.support.serving import serving

PATHS = ("/invitations/{}/", "/accounts/password/reset/key/1-{}/", "/accounts/unlock/{}/")


@pytest.mark.django_db(transaction=True)
def test_a_refused_address_is_logged_without_its_secret(tmp_path: Path) -> None:
    made = [secrets.token_hex(16) for _ in PATHS]
    with serving(tmp_path) as server:
        for path, secret in zip(PATHS, made, strict=True):
            for method in ("GET", "PUT", "POST"):
                with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
                    line.sendall(
                        f"{method} {path.format(secret)} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()
                    )
                    while line.recv(65_536):
                        pass
        log = server.log.read_text()
    assert "/invitations/…" in log
    assert [secret for secret in made if secret in log] == []
