"""`make run`: starts everything the product needs, in order, and keeps it running until somebody asks it to stop."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from currents_admin import demo_keys, env, local, probe
from currents_admin.supervisor import leftovers, parts, port, postgres, redis
from currents_admin.supervisor.claim import claimed
from currents_admin.supervisor.failure import StartError, Stopping
from currents_admin.supervisor.house import House, say
from currents_admin.supervisor.part import ROOT, Part, open_log

_EXAMPLE = (
    '{"event_type":"users.messages.email.Open","id":"first","time":1760000000,"external_user_id":"ada"}'
)


def run() -> None:
    """Returns after an orderly stop.

    Raises:
        StartError, BadEnvironment: one sentence that says why it cannot start.
    """
    os.environ["CURRENTS_VAR"] = str(local.folder())
    with claimed():
        house = House()
        house.listen()
        try:
            leftovers.clear()
            _start(house)
            house.keep_running()
        except Stopping:
            say("Stopping.")
        finally:
            house.stop()
            local.Services().write()
    say("Stopped.")


def _start(house: House) -> None:
    on_port = _web_port()
    owner_url = "" if env.text("DATABASE_URL") else start_postgres(house, durable=True)
    services = local.Services(
        database_url=owner_url,
        runs_as_url=postgres.runs_as(owner_url) if owner_url else "",
        redis_url="" if env.text("REDIS_URL") else start_redis(house),
        sandbox_url=_start_sandbox(house),
    )
    services.write()
    sign_in = _prepare(house, demo=bool(services.database_url))
    web = parts.web(on_port)
    for part in (web, parts.worker(), parts.retry_worker(), parts.beat()):
        house.start(part)
    _wait_until_ready(house, web, on_port)
    if services.database_url and demo_keys.wanted():
        house.start(parts.demo_traffic())
    _introduce(on_port, sign_in, services)


def _web_port() -> int:
    # The settings check every variable; they are read here so that a wrong one costs no start of a service.
    from currents_admin import settings

    if not port.is_free(settings.PORT):
        raise StartError(f"Port {settings.PORT} is in use; set PORT to another one.")
    return settings.PORT


def start_postgres(house: House, *, durable: bool) -> str:
    server = postgres.Postgres(durable=durable)
    server.prepare()
    house.start(server.part)
    # After a crash it first replays its log, which may take a while.
    house.wait(server.part, server.answers, seconds=120)
    return server.url


def start_redis(house: House) -> str:
    server = redis.Redis()
    house.start(server.part)
    house.wait(server.part, server.answers, seconds=20)
    return server.url


def _start_sandbox(house: House) -> str:
    if env.text("SEGMENT_US_URL") and env.text("SEGMENT_EU_URL"):
        return ""
    on_port = port.free()
    part = parts.sandbox(on_port)
    house.start(part)
    house.wait(part, lambda: port.answers(on_port), seconds=20)
    return f"http://{port.HOST}:{on_port}"


def _prepare(house: House, *, demo: bool) -> str:
    """Migrates and returns how to sign in to the demo workspace, if there is one. That text holds a password, so
    it goes through a pipe and not into a log."""
    log = local.folder() / "log" / "prepare.log"
    # If it exists, the settings serve from it.
    (local.folder() / "static").mkdir(exist_ok=True)
    command = [sys.executable, "-m", "currents_admin", "prepare", "--static", *(["--demo"] if demo else [])]
    with open_log(log) as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True
        )
    try:
        while process.poll() is None:
            house.pause()
        output = process.communicate()[0]
    finally:
        process.kill()
        process.wait()
    if process.returncode:
        reason = (log.read_text(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        raise StartError(f"The database could not be prepared (see {log}): {reason}")
    return output.strip()


def _wait_until_ready(house: House, web: Part, on_port: int) -> None:
    house.wait(web, lambda: probe.status(on_port, "/healthz") == 200, seconds=60)
    for _ in range(60):
        if probe.status(on_port, "/readyz") == 200:
            return
        house.pause(0.25)
    say("The pages are up, but not every part answers yet; /readyz names the one that is missing.")


def _introduce(on_port: int, sign_in: str, services: local.Services) -> None:
    address = f"http://{port.HOST}:{on_port}"
    lines = ["", "Currents Admin is ready.", "", f"  Open      {address}/"]
    lines += [f"  {line}" for line in sign_in.splitlines()]
    if services.sandbox_url:
        lines += [f"  Segment   {services.sandbox_url}/ (a sandbox stands in for it)"]
    lines += ["", "Send an event:"]
    workspace = "demo" if sign_in else "WORKSPACE"
    token = f"{_short(Path(sys.executable))} manage.py create_intake_token --workspace {workspace} curl"
    lines += [f"  TOKEN=$({token} | tail -n 1)"]
    lines += [
        f'  curl {address}/api/v1/events -H "Authorization: Bearer $TOKEN" -d \\',
        f"    '{_EXAMPLE}'",
        "",
        f"Logs are in {_short(local.folder() / 'log')}/. Ctrl-C stops everything.",
    ]
    say("\n".join(lines))


def _short(path: Path) -> str:
    """The path as somebody would type it here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
