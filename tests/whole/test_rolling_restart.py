"""Behind the proxies of the docs, web hosts are restarted one after the other and no request fails."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from connectors.models import IntakeToken
from exporter.log import event_log
from tests.house.running import until
from tests.support.factories import IntakeTokenFactory, event
from tests.support.serving import free_port, serving, wait_until_open

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(
        not (shutil.which("haproxy") and shutil.which("nginx")), reason="haproxy and nginx are not installed"
    ),
]
PROXIES = Path(__file__).resolve().parents[2] / "docs" / "proxies"
_NGINX = """
{user}
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
daemon off;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  include {folder}/currents.conf;
}}
"""


class Sender:
    """Posts events one after the other for as long as it may, and repeats nothing. `failed` has what was not taken."""

    def __init__(self, port: int, token: IntakeToken, name: str, trusted: Path) -> None:
        self.port, self.token, self.name = port, token, name
        self.context = ssl.create_default_context(cafile=trusted)
        self.sent = 0
        self.failed: list[str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.stop.wait(0.005):
            answer = self._post(self.sent)
            self.sent += 1
            if not answer.startswith("202 "):
                self.failed.append(f"{self.name}-{self.sent - 1}: {answer}")

    def _post(self, number: int) -> str:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.context)
        try:
            # Some fill more than one packet.
            one = event(number, id=f"{self.name}-{number}", campaign_name="x" * (number % 3) * 8_000)
            headers = {"Authorization": f"Bearer cur_{self.token.prefix}_test"}
            connection.request("POST", "/api/v1/events", json.dumps([one]), headers)
            answer = connection.getresponse()
            return f"{answer.status} {answer.read(300)!r}"
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()


def settings_of(name: str, folder: Path, listen: int, webs: list[int]) -> str:
    """The file of the docs with this test's addresses."""
    text = (PROXIES / name).read_text()
    for place, port in zip(("10.0.0.11:8000", "10.0.0.12:8000"), webs, strict=True):
        assert place in text
        text = text.replace(place, f"127.0.0.1:{port}")
    for folder_there in ("/etc/haproxy", "/etc/nginx"):
        text = text.replace(folder_there, str(folder))
    return text.replace("bind :443", f"bind 127.0.0.1:{listen}").replace(
        "listen 443", f"listen 127.0.0.1:{listen}"
    )


@contextmanager
def proxy(name: str, folder: Path, webs: list[int]) -> Iterator[int]:
    listen = free_port()
    if name == "haproxy.cfg":
        (folder / name).write_text(settings_of(name, folder, listen, webs))
        command = ["haproxy", "-db", "-f", str(folder / name)]
    else:
        # As root it would leave root, and not be let into the folder any more.
        user = "user root;" if os.geteuid() == 0 else ""
        (folder / "currents.conf").write_text(settings_of(name, folder, listen, webs))
        (folder / name).write_text(_NGINX.format(folder=folder, user=user))
        command = ["nginx", "-p", str(folder), "-c", str(folder / name)]
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_open(listen, process)
        yield listen
    finally:
        process.terminate()
        process.wait(timeout=20)


def certificate(folder: Path) -> None:
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"),
            *("-keyout", "currents.key", "-out", "currents.crt"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (folder / "currents.pem").write_bytes(
        (folder / "currents.crt").read_bytes() + (folder / "currents.key").read_bytes()
    )


def test_a_rolling_restart_fails_no_request_behind_either_proxy(tmp_path: Path) -> None:
    certificate(tmp_path)
    hosts = [Host(tmp_path / name, free_port()) for name in ("web1", "web2")]
    with ExitStack() as stack:
        for host in hosts:
            host.start()
            stack.callback(host.stop)
        senders = []
        for name in ("haproxy.cfg", "nginx.conf"):
            token = IntakeTokenFactory.create()
            listen = stack.enter_context(proxy(name, tmp_path, [host.port for host in hosts]))
            senders += [Sender(listen, token, f"{name}-{n}", tmp_path / "currents.crt") for n in range(2)]
        for sender in senders:
            stack.callback(sender.stop.set)
            sender.thread.start()
        for host in hosts:
            until(lambda host=host: host.takes_from(senders), seconds=60)  # type: ignore[misc]
            host.stop()
            host.start()
            # The next one only then: until a proxy has seen that this one is back, the next one is all it has.
            until(lambda host=host: host.takes_from(senders), seconds=60)  # type: ignore[misc]
        for sender in senders:
            sender.stop.set()
            sender.thread.join()
    assert [each for sender in senders for each in sender.failed] == []
    stored = sum(event_log.head(one) for one in {sender.token.workspace_id for sender in senders})
    assert stored == sum(sender.sent for sender in senders), "each is stored once"


class Host:
    """A web host that may be started again; its lines since then tell what came to it."""

    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir()
        self.folder, self.port = folder, port
        self._running = ExitStack()
        self._begins = 0

    def start(self) -> None:
        log = self.folder / "log"
        self._begins = log.stat().st_size if log.exists() else 0
        self._running.enter_context(serving(self.folder, self.port))

    def stop(self) -> None:
        self._running.close()

    def takes_from(self, senders: Sequence[Sender]) -> bool:
        """Whether each proxy has sent it something since its start."""
        told = (self.folder / "log").read_bytes()[self._begins :].decode(errors="replace")
        tokens = set(re.findall(r"intake\.request .*\btoken=(\d+)", told))
        return {str(sender.token.pk) for sender in senders} <= tokens
