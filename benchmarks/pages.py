"""Pages: server time and queries of list, all-workspaces and status pages, over a history and over ten times it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import quantiles

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks.ground import Sink
from benchmarks.results import Result
from connectors.models import Membership, Role, User, Workspace

_WORKSPACES = 100
_EVENTS = (1_000_000, 10_000_000)


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    for events in _EVENTS:
        prefix = f"past-{events}"
        began = time.perf_counter()
        call_command("make_history", workspaces=_WORKSPACES, events=events, prefix=prefix)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        label = f"{events // 1_000_000} M events"
        yield Result("pages", f"make the history, {label}", "s", [time.perf_counter() - began], "")
        for name, address in _pages(prefix).items():
            yield from _page(_visitor(prefix), f"{name}, {label}", address, 100 if quick else 400)


def _pages(prefix: str) -> dict[str, str]:
    """Those of the workspace with the most events."""
    workspace = Workspace.objects.get(slug=f"{prefix}-0")
    return {
        "all workspaces": reverse("workspaces"),
        "list": reverse("data_export", args=[workspace.slug]),
        "status": reverse("status", args=[workspace.slug, workspace.connectors.get().pk]),
        "status, 7 days": reverse("status", args=[workspace.slug, workspace.connectors.get().pk])
        + "?window=7d",
    }


def _visitor(prefix: str) -> Client:
    """An admin of all the workspaces whose names begin so."""
    user = User.objects.get_or_create(email=f"{prefix}@example.com")[0]
    mine = Workspace.objects.filter(slug__startswith=f"{prefix}-").exclude(memberships__user=user)
    Membership.objects.bulk_create(Membership(user=user, workspace=one, role=Role.ADMIN) for one in mine)
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
    client.force_login(user)
    return client


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
