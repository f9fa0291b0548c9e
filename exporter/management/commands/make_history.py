"""`manage.py make_history`: many workspaces with a past, to measure pages with."""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from connectors.audit import actor
from connectors.catalogue.catalogue import CATALOGUE
from connectors.models import Workspace
from connectors.setup import lifecycle
from exporter.intake.normalise import normalise
from exporter.samples import history
from exporter.samples.generator import generate
from exporter.samples.history import Mix


class Command(BaseCommand):
    help = "Make workspaces with connectors and a past, as counts; for measurements."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--workspaces", type=int, default=100)
        parser.add_argument("--events", type=int, default=10_000_000, help=_("events in all"))
        parser.add_argument("--days", type=float, default=7, help=_("how far back the past goes"))
        parser.add_argument("--seed", type=int, default=1, help=_("the same seed makes the same past"))
        parser.add_argument("--prefix", default="past", help=_("what the workspaces' slugs begin with"))

    def handle(self, *args: Any, **options: Any) -> None:
        random, began = Random(options["seed"]), time.monotonic()
        until = datetime.now(UTC)
        since = until - timedelta(days=options["days"])
        # As in life, a few workspaces have most of the events.
        shares = [1 / (place + 1) for place in range(options["workspaces"])]
        for number, share in enumerate(shares):
            workspace = Workspace.objects.create(
                slug=f"{options['prefix']}-{number}", name=f"{options['prefix'].title()} {number}"
            )
            events = round(options["events"] * share / sum(shares))
            self._fill(workspace, events, since, until, random, waiting=number % 10 == 9)
        self.stdout.write(
            _("About %(events)d events of %(workspaces)d workspaces in %(seconds).0f s")
            % {
                "events": options["events"],
                "workspaces": options["workspaces"],
                "seconds": time.monotonic() - began,
            }
        )

    def _fill(
        self,
        workspace: Workspace,
        events: int,
        since: datetime,
        until: datetime,
        random: Random,
        *,
        waiting: bool,
    ) -> None:
        """A connector with 20 event types, all but a few of them selected."""
        types = random.sample([event.event_type for event in CATALOGUE.events], 20)
        chosen = lifecycle.Settings("Segment", "data@example.com", sorted(types[:16]), False)
        connector = lifecycle.launch(workspace, chosen, region="us", write_key="x" * 32, by=actor.By(None))
        mix = Mix({name: 1 / (place + 1) for place, name in enumerate(types)}, rejected=0.0005)
        history.counts(connector, mix, events, since, until, random)
        if waiting:
            made = generate(random.getrandbits(32), 500, start=until.timestamp() - 60, span=60)
            incoming = [normalise(json.dumps(event).encode()) for event in made]
            history.events(connector, [(until - timedelta(minutes=2), incoming)], random, settled=False)
        history.launched_at(connector, since)
