"""Pages: server time, queries and paint of lists and status pages, over a history and over ten times as much."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from itertools import product
from statistics import quantiles

import requests
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from benchmarks import paint
from benchmarks.ground import Sink, web
from benchmarks.results import Result
from connectors.models import Membership, Role, User, Workspace

_WORKSPACES = 100
_EVENTS = (1_000_000, 10_000_000)
_WARM_UP = 10
# The one with the fewest bytes and the one with the most; what a page's name ends with.
_LANGUAGES = {"en": "", "ja": ", in Japanese"}


def measure(sink: Sink, *, quick: bool, rounds: int) -> Iterator[Result]:
    for events in _EVENTS:
        prefix, label = f"past-{events}", f"{events // 1_000_000} M events"
        began = time.perf_counter()
        call_command("make_history", workspaces=_WORKSPACES, events=events, prefix=prefix)
        yield Result("pages", f"make the history, {label}", "s", [time.perf_counter() - began], "")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        yield from _all_pages(prefix, label, 40 if quick else 100, rounds)
    password = secrets.token_urlsafe()
    user = User.objects.get(email=f"{prefix}@example.com")
    user.set_password(password)
    user.save()
    yield from paint.measure(user.email, password, _pages(prefix), rounds)


def _pages(prefix: str) -> dict[str, str]:
    """Those of the workspace with the most events."""
    workspace = Workspace.objects.get(slug=f"{prefix}-0")
    status = reverse("status", args=[workspace.slug, workspace.connectors.get().pk])
    return {
        "all workspaces": reverse("workspaces"),
        "list": reverse("data_export", args=[workspace.slug]),
        "status": status,
        "status, 7 days": f"{status}?window=7d",
    }


def visitor(prefix: str, dash: str = "-") -> Client:
    """An admin of all the workspaces whose names begin so, with a dash behind."""
    user = User.objects.create(email=f"{prefix}@example.com")
    Membership.objects.bulk_create(
        Membership(user=user, workspace=workspace, role=Role.ADMIN)
        for workspace in Workspace.objects.filter(slug__startswith=prefix + dash)
    )
    client = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
    client.force_login(user)
    return client


def _all_pages(prefix: str, label: str, visits: int, rounds: int) -> Iterator[Result]:
    """p50 and p95 of each page, round by round."""
    by, addresses, taken = visitor(prefix), _pages(prefix), dict[tuple[str, str], list[float]]()
    loop = Result("pages", f"reference loop, {label}", "ms", [], "adding 300,000 numbers in Python")
    with web() as (_part, port):
        for _ in range(rounds):
            for (name, address), language in product(addresses.items(), _LANGUAGES):
                loop.values.append(_loop())
                p50, p95 = visit(by, f"http://127.0.0.1:{port}{address}", visits, language)
                taken.setdefault((name + _LANGUAGES[language], "p50"), []).append(p50)
                taken.setdefault((name + _LANGUAGES[language], "p95"), []).append(p95)
    yield loop
    for (name, share), values in taken.items():
        said, japanese, _end = name.partition(_LANGUAGES["ja"])
        with CaptureQueriesContext(connection) as queries:
            header = {"Accept-Language": "ja" if japanese else "en"}
            assert by.get(addresses[said], headers=header).status_code == 200
        note = f"{len(queries)} queries, {_WORKSPACES} workspaces"
        result = Result("pages", f"{name}, {label}, {share}", "ms", values, note)
        result.ratios["reference loop"] = result.median / loop.median
        yield result


def _loop() -> float:
    """What the processor is worth at the moment: page times are told as multiples of it, too."""
    began, total = time.perf_counter(), 0
    for number in range(300_000):
        total += number
    return (time.perf_counter() - began) * 1000


def visit(visitor: Client, address: str, visits: int, language: str = "en") -> tuple[float, float]:
    """p50 and p95 in milliseconds from the request to the whole answer of the web server, over loopback."""
    cookie = settings.SESSION_COOKIE_NAME
    taken = []
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.set(cookie, visitor.cookies[cookie].value)
        session.headers["Accept-Language"] = language
        for _ in range(visits + _WARM_UP):
            began = time.perf_counter()
            answer = session.get(address, allow_redirects=False)
            taken.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200
    hundredths = quantiles(taken[_WARM_UP:], n=100)
    return hundredths[49], hundredths[94]
