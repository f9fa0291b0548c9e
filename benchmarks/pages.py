"""Pages: server time and queries of list, all-workspaces and status pages over a long history."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import quantiles

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks import backlog, history
from benchmarks.ground import Sink
from benchmarks.results import Result
from connectors.models import Membership, Role, User

_WORKSPACES = 100


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    made = [backlog.connector(paused=False) for _ in range(_WORKSPACES)]
    user = User.objects.create_user("bench@example.com", password=None)
    Membership.objects.bulk_create(
        Membership(user=user, workspace=one.workspace, role=Role.ADMIN) for one in made
    )
    slug = made[0].workspace.slug
    pages = {
        "all workspaces": reverse("workspaces"),
        "list": reverse("data_export", args=[slug]),
        "status": reverse("status", args=[slug, made[0].pk]),
    }
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
    client.force_login(user)
    for events in (0, history.EVENTS):
        planted = history.plant(made[0]) if events else 0
        for name, address in pages.items():
            yield from _page(client, f"{name}, {planted:,} events of history", address, 50 if quick else 200)


def _page(client: Client, name: str, address: str, visits: int) -> Iterator[Result]:
    """p95 of the time the server takes for a page, without the network; and how many queries it makes."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200
    note = f"{len(queries)} queries, {_WORKSPACES} workspaces"
    taken = []
    for _ in range(visits):
        began = time.perf_counter()
        client.get(address)
        taken.append((time.perf_counter() - began) * 1000)
    yield Result("pages", f"{name}, p50", "ms", [quantiles(taken, n=100)[49]], note)
    yield Result("pages", f"{name}, p95", "ms", [quantiles(taken, n=100)[94]], note)
