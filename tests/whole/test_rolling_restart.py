"""Behind the proxies of the docs, web hosts are restarted one after the other and no request fails."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from exporter.log import event_log
from tests.support.factories import event
from tests.support.serving import Server, free_port, serving, wait_until_open

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
    """Posts events one after the other for as long as it may, and repeats nothing."""

    def __init__(self, port: int, server: Server, name: str, trusted: Path) -> None:
        self.port, self.name = port, name
        self.context = ssl.create_default_context(cafile=trusted)
        self.headers = {"Authorization": f"Bearer cur_{server.token.prefix}_test"}
        self.answers: list[int | str] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self.stop.wait(0.005):
            self.answers.append(self._post(len(self.answers)))

    def _post(self, number: int) -> int | str:
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.context)
        try:
            # Some fill more than one packet.
            one = event(number, id=f"{self.name}-{number}", campaign_name="x" * (number % 3) * 8_000)
            connection.request("POST", "/api/v1/events", json.dumps([one]), self.headers)
            return connection.getresponse().status
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
    webs = [free_port(), free_port()]
    with ExitStack() as stack:
        hosts = [ExitStack() for _ in webs]
        servers = [
            host.enter_context(serving(tmp_path, port)) for host, port in zip(hosts, webs, strict=True)
        ]
        for host in hosts:
            stack.callback(host.close)
        senders = []
        for name in ("haproxy.cfg", "nginx.conf"):
            listen = stack.enter_context(proxy(name, tmp_path, webs))
            senders += [
                Sender(listen, servers[0], f"{name}-{number}", tmp_path / "currents.crt")
                for number in range(2)
            ]
        for sender in senders:
            stack.callback(sender.stop.set)
            sender.thread.start()
        for host, port in zip(hosts, webs, strict=True):
            before = [len(sender.answers) for sender in senders]
            host.close()
            host.enter_context(serving(tmp_path, port))
            wait_for_more(senders, before)
        for sender in senders:
            sender.stop.set()
            sender.thread.join()
    answers = {sender.name: sorted(set(map(str, sender.answers))) for sender in senders}
    assert answers == {sender.name: ["202"] for sender in senders}
    sent = sum(len(sender.answers) for sender in senders)
    assert sum(event_log.head(one.token.workspace_id) for one in servers[:1]) == sent, "each is stored once"


def wait_for_more(senders: list[Sender], before: list[int]) -> None:
    """Until each has had some answers since, with the restarted host back in its place."""
    for _ in range(2_000):
        if all(len(one.answers) > count + 100 for one, count in zip(senders, before, strict=True)):
            return
        threading.Event().wait(0.01)
    raise AssertionError("the senders are not answered")
