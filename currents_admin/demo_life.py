"""Life for the demo: two workspaces with a week behind them, a healthy connector, one whose key Segment rejects, and
continuing traffic. For `make demo`; every screen can be judged with it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from random import Random
from threading import Event
from typing import Any

import structlog

from connectors.audit.actor import By
from connectors.catalogue.catalogue import CATALOGUE, MESSAGE_ENGAGEMENT
from connectors.models import Connector, Membership, User, Workspace
from connectors.setup import lifecycle
from currents_admin import demo, demo_keys
from exporter.intake import appender, refusals
from exporter.intake.normalise import normalise
from exporter.log import event_log
from exporter.log.events import Incoming
from exporter.samples import history
from exporter.samples.generator import generate
from exporter.samples.history import Mix

log = structlog.get_logger(__name__)

OUTLET = "outlet"
WEEK = timedelta(days=7)
# More than a day, so that charts of a day have one rhythm.
RETAINED = timedelta(hours=26)
STOPPED_AGO = timedelta(hours=3, minutes=2)
# Of each workspace, as an average of day and night; the traffic that goes on later comes as fast.
EVENTS_AN_HOUR = 1_800
_SEED = 20
_BODY_SECONDS = 2.0


def create() -> bool:
    """Gives the demo workspaces their past, once, and returns whether it did. Needs the demo workspace."""
    workspace = Workspace.objects.filter(slug=demo.SLUG).first()
    if workspace is None or Connector.objects.filter(workspace=workspace).exists():
        return False
    now, random = datetime.now(UTC), Random(_SEED)  # noqa: S311 - sample data, not a secret
    admin = User.objects.filter(email="admin@demo.example").first()
    _healthy(workspace, By(admin), now, random)
    _rejected(_outlet(workspace), By(admin), now, random)
    return True


def go_on(stopping: Event) -> None:
    """Traffic for both workspaces until asked to stop."""
    workspaces = list(Workspace.objects.filter(slug__in=(demo.SLUG, OUTLET)).values_list("pk", flat=True))
    sources = {pk: _endless(pk) for pk in workspaces}
    while not stopping.wait(_BODY_SECONDS):
        for pk, source in sources.items():
            try:
                incoming, refused = refusals.sort_out(
                    list(islice(source, round(EVENTS_AN_HOUR * _BODY_SECONDS / 3600)))
                )
                appender.append_now(pk, incoming, refused)
            except Exception as error:  # whatever went wrong, the next body is tried
                log.warning("demo.not_stored", error=type(error).__name__)


def _endless(seed: int) -> Iterator[bytes]:
    """Present events as a sender would post them; one in 500 has its time in milliseconds."""
    random = Random()  # noqa: S311 - sample data, not a secret
    while True:
        for made in generate(random.getrandbits(48) + seed, 500, start=time.time(), span=1):
            made["time"] = int(time.time()) * (1000 if random.random() < 0.002 else 1)
            yield json.dumps(made).encode()


def _outlet(beside: Workspace) -> Workspace:
    """A second workspace with the same people."""
    workspace = Workspace.objects.create(slug=OUTLET, name="Northern Outlet")
    for membership in Membership.objects.filter(workspace=beside):
        Membership.objects.create(workspace=workspace, user=membership.user, role=membership.role)
    return workspace


def _healthy(workspace: Workspace, by: By, now: datetime, random: Random) -> None:
    connector = _launch(
        workspace, "Lifecycle events to Segment", sorted(MESSAGE_ENGAGEMENT), demo_keys.GOOD, by
    )
    history.counts(connector, _mix(random), _events(WEEK - RETAINED), now - WEEK, now - RETAINED, random)
    history.events(connector, _past(now - RETAINED, now, random), random, settled=True)
    history.launched_at(connector, now - WEEK)


def _rejected(workspace: Workspace, by: By, now: datetime, random: Random) -> None:
    chosen = [
        event.event_type for event in CATALOGUE.events if event.group in ("Email", "Push Notification", "SMS")
    ]
    connector = _launch(workspace, "Outlet messages", chosen or sorted(MESSAGE_ENGAGEMENT), demo_keys.BAD, by)
    stopped = now - STOPPED_AGO
    before = WEEK - STOPPED_AGO - RETAINED
    history.counts(connector, _mix(random), _events(before), now - WEEK, stopped - RETAINED, random)
    history.events(connector, _past(stopped - RETAINED, stopped, random), random, settled=True)
    history.events(connector, _past(stopped, now, random), random, settled=False)
    history.refused_since(connector, stopped, wait=120.0)
    history.launched_at(connector, now - WEEK)


def _launch(workspace: Workspace, name: str, chosen: Sequence[str], key: str, by: By) -> Connector:
    event_log.ensure(workspace.pk)
    settings = lifecycle.Settings(name, "marketing-data@demo.example", list(chosen), include_anonymous=False)
    return lifecycle.launch(workspace, settings, region="eu", write_key=key, by=by)


def _mix(random: Random) -> Mix:
    """Event types in the generator's proportions."""
    weights: dict[str, float] = {}
    for made in generate(random.getrandbits(32), 20_000):
        weights[made["event_type"]] = weights.get(made["event_type"], 0) + 1
    return Mix(weights)


def _events(span: timedelta) -> int:
    return round(EVENTS_AN_HOUR * span.total_seconds() / 3600)


def _past(since: datetime, until: datetime, random: Random) -> Iterator[tuple[datetime, list[Incoming]]]:
    """Real events in bodies of 50; a few too large for Segment, a few of a type it does not know."""
    span = until - since
    made = generate(random.getrandbits(32), _events(span), start=since.timestamp(), span=span.total_seconds())
    while body := [_odd(event, random) for event in islice(made, 50)]:
        yield (
            datetime.fromtimestamp(body[-1]["time"], UTC),
            [normalise(json.dumps(event).encode()) for event in body],
        )


def _odd(event: dict[str, Any], random: Random) -> dict[str, Any]:
    chance = random.random()
    if chance < 0.001:
        return event | {"campaign_name": "Every product of the season " * 1_300}
    if chance < 0.01:
        return event | {"event_type": "users.messages.live_activity.Update"}
    return event
