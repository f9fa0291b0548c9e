"""What a person does in the browser, done by a process that takes orders as lines of JSON on its standard input:
`python -m tests.faults.person`. It answers each with a line."""

from __future__ import annotations

import json
import logging
import secrets
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from currents_admin.supervisor.part import ROOT
from tests.faults.sender import EVENT_TYPE
from tests.faults.stream import Target


class Person:
    """Gives the orders."""

    def __init__(self) -> None:
        self._keys = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.person"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._process.communicate(timeout=20)

    def launch(self, prefix: str, *, region: str = "us") -> Target:
        """A workspace of its own with a connector that exports the stream's event type."""
        key = self._new_key()
        made = self._order("launch", prefix=prefix, region=region, key=key)
        return Target(prefix=prefix, write_key=key, **made)

    def rotate(self, target: Target, *, region: str, key: str = "") -> None:
        """To another key, or the same one in another region."""
        self._order("rotate", connector=target.connector, region=region, key=key or target.write_key)

    def change_key(self, target: Target) -> None:
        """Another key in the same region."""
        self._order("rotate", connector=target.connector, region="us", key=self._new_key())

    def try_now(self, target: Target) -> None:
        self._order("try_now", connector=target.connector)

    def pause(self, target: Target) -> None:
        self._order("pause", connector=target.connector)

    def resume(self, target: Target) -> None:
        self._order("resume", connector=target.connector)

    def replay(self, target: Target, *, rate: int) -> dict[str, Any]:
        """All the connector ever passed, once more with the same ids; answers the keys of replay and delivery."""
        return self._order("replay", connector=target.connector, rate=rate)

    def follow(self, target: Target, *, url: str, endpoint: str, key: str) -> int:
        """Adds a bucket as a source, from the beginning; answers its key."""
        made = self._order("follow", workspace=target.workspace, url=url, endpoint=endpoint, key=key)
        return int(made["source"])

    def change_source_key(self, source: int, *, endpoint: str, key: str) -> None:
        """Enters the key of a source again."""
        self._order("source_key", source=source, endpoint=endpoint, key=key)

    def ring(self, target: Target, times: int) -> None:
        """Wake-ups nobody needs."""
        self._order("ring", delivery=target.delivery, times=times)

    def _new_key(self) -> str:
        """The sandbox tells keys apart by their last four characters."""
        self._keys += 1
        return f"no-real-key-{secrets.token_hex(6)}{self._keys:04d}"

    def _order(self, verb: str, **terms: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"verb": verb, **terms}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the order {verb} was not carried out")
        found: dict[str, Any] = json.loads(answer)
        return found


def _launch(prefix: str, region: str, key: str) -> dict[str, Any]:
    from connectors.audit.actor import By
    from connectors.models import Scope, Workspace
    from connectors.setup import lifecycle
    from connectors.workspaces import tokens
    from exporter.models import Delivery

    by = By(None)
    slug = prefix.strip("-")
    workspace = Workspace.objects.create(slug=slug, name=slug)
    settings = lifecycle.Settings(slug, "contact@example.com", [EVENT_TYPE], False)
    connector = lifecycle.launch(workspace, settings, region=region, write_key=key, by=by)
    _row, token = tokens.create(workspace, "stream", [Scope.INTAKE], by)
    delivery = Delivery.objects.get(connector=connector)
    return {
        "token": token,
        "workspace": workspace.pk,
        "connector": connector.pk,
        "delivery": delivery.pk,
    }


def _change(verb: str, connector: int, **terms: str) -> dict[str, Any]:
    from connectors.audit import actor
    from connectors.models import Connector
    from connectors.setup import lifecycle
    from exporter.actions.try_now import try_now

    by, row = actor.By(None), Connector.objects.get(pk=connector)
    if verb == "rotate":
        lifecycle.rotate(row, write_key=terms["key"], region=terms["region"], by=by)
    elif verb == "try_now":
        try_now(row, by)
    elif verb == "pause":
        lifecycle.pause(row, by=by)
    else:
        lifecycle.resume(row, by=by)
    return {}


def _ring(delivery: int, times: int) -> dict[str, Any]:
    from exporter.dispatch import wakeup

    for _time in range(times):
        wakeup.wake_deliveries([delivery])
    return {}


def _replay(connector: int, rate: int) -> dict[str, Any]:
    from datetime import UTC, datetime

    from connectors.audit.actor import By
    from connectors.models import Connector
    from exporter import sql
    from exporter.actions import replays
    from exporter.actions.replay_preview import Wanted

    wanted = Wanted(datetime(2020, 1, 1, tzinfo=UTC), sql.clock(), outcomes=("delivered",), rate=rate)
    made = replays.begin(Connector.objects.get(pk=connector), wanted, By(None))
    return {"replay": made.pk, "delivery": made.delivery_id}


def _follow(workspace: int, url: str, endpoint: str, key: str) -> dict[str, Any]:
    from connectors.audit.actor import By
    from connectors.models import Workspace
    from exporter.actions import sources
    from exporter.models.sources import Begin

    secrets_given = {"service_account_key": key}
    wish = sources.Wish(url, Begin.BEGINNING, None, {"endpoint": endpoint}, secrets_given)
    return {"source": sources.add(Workspace.objects.get(pk=workspace), wish, By(None)).pk}


def _source_key(source: int, endpoint: str, key: str) -> dict[str, Any]:
    from connectors.audit.actor import By
    from exporter.actions import sources
    from exporter.models import Source

    secrets_given, options = {"service_account_key": key}, {"endpoint": endpoint}
    sources.change_credentials(Source.objects.get(pk=source), secrets_given, options, By(None))
    return {}


def _obey() -> None:
    import django
    from django.db import connection

    django.setup()
    # What it does is no part of what is printed.
    logging.getLogger().setLevel(logging.WARNING)
    others: dict[str, Callable[..., dict[str, Any]]] = {
        "launch": _launch,
        "ring": _ring,
        "replay": _replay,
        "follow": _follow,
        "source_key": _source_key,
    }
    for line in sys.stdin:
        order = json.loads(line)
        verb = order.pop("verb")
        # The database may have been killed since the last order.
        connection.close()
        done = others[verb](**order) if verb in others else _change(verb, **order)
        sys.stdout.write(json.dumps(done) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")
    _obey()
