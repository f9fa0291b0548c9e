"""Whatever happened to a connector: page, API, metrics, chart data, CSV and mail tell the same of it."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import datetime
from typing import Any, ClassVar

from django.test import RequestFactory

from exporter.api import connectors, exposition
from exporter.display import type_csv
from exporter.incidents import mail
from exporter.models import Cause, Incident
from exporter.reports import balance, time_series, windows
from exporter.reports.balance import Balance
from exporter.reports.summary import Summary
from exporter.reports.trouble import trouble
from exporter.sandbox.handle import Sandbox
from tests.support.delivering import Line

_SAMPLE = re.compile(
    r"^currents_events_(total|received_total|retried_total|replayed_total|pending)"
    r'\{[^}]*?(?:outcome="(\w+)"[^}]*)?\} (\d+)\.0$',
    re.MULTILINE,
)
# What a replay with new ids makes of an id.
_NEW_ID = re.compile(r"-replay-\d+-\w+$")


class ToldAlike:
    """Of a history: `types` are the event types by number, from `start` on its connector's; `keys` are the last four
    characters of its write keys with the moments they came into use."""

    line: Line
    sandbox: ClassVar[Sandbox]
    types: list[str]
    ids: set[str]
    start: int
    token: str
    keys: list[tuple[datetime, str]]

    def adds_up(self, shown: Balance, summary: Summary) -> None:
        """By type, against what was really appended: received since launch = Σ outcomes + pending."""
        received = Counter(self.types[self.start :])
        pending = Counter(self.types[self.line.delivery.cursor :])
        rows = {row.event_type: row for row in shown.types}
        assert {name: row.received for name, row in rows.items()} == dict(received)
        for name, row in rows.items():
            assert row.received == sum(row.outcomes.values()) + row.pending
            assert row.pending == pending[name]
        assert shown.off_by == 0
        # The hour is left out: rolling up what is new leaves no minutes to tell it by.
        for choice in balance.CHOICES[1:]:
            window = balance.balance(summary, choice)
            assert (window.off_by, window.received, window.outcomes) == (0, shown.received, summary.outcomes)
        assert summary.received == shown.received == received.total()
        delivered = summary.outcomes["delivered"]
        arrived = {_NEW_ID.sub("", one) for one in self.sandbox.message_ids()}
        assert delivered <= len(self.ids & arrived), "Segment has what we say it has"

    def is_told_alike(self, summary: Summary) -> None:
        """By page, API and metrics."""
        request = RequestFactory().get("/", headers={"Authorization": f"Bearer {self.token}"})
        answer = connectors.connector_status(request, self.line.connector.pk)
        told = json.loads(answer.content)
        assert told["outcomes"] == summary.outcomes
        assert (told["received"], told["pending"]) == (summary.received, summary.pending)
        assert told["health"] == summary.health
        found = _SAMPLE.findall(exposition.exposition().decode())
        samples = {(name, outcome): int(value) for name, outcome, value in found}
        assert samples.pop(("received_total", "")) == summary.received
        assert samples.pop(("pending", "")) == summary.pending
        # A counter never falls.
        samples["total", "rejected"] -= samples.pop(("retried_total", ""))
        samples["total", "expired"] -= samples.pop(("replayed_total", ""))
        assert {outcome: count for (_name, outcome), count in samples.items()} == summary.outcomes

    def trouble_is_told_alike(self, context: dict[str, Any]) -> None:
        """By page, chart data, CSV and mail: each moment, each key and each count of a trouble."""
        now, shown = context["summary"], context["ledger"]
        assert (now.none_accepted_since is None) == (now.failing_since is None)
        assert context["strip"] is None or context["strip"].sentence.startswith("Trouble since") == (
            now.failing_since is not None
        )
        lines = type_csv.by_type(shown).splitlines()[1:]  # below the words stand the keys
        rows = {row["event_type"]: row for row in csv.DictReader(lines)}
        for outcome, count in now.outcomes.items():
            assert sum(int(row[outcome]) for row in rows.values()) == count
        assert sum(shown.rejected) == now.outcomes["rejected"]
        assert all(
            sum(shown.rejected_by_type.get(row.event_type, ())) == row.outcomes["rejected"]
            for row in shown.types
        )
        charted = time_series.trends(now, windows.WEEK, shown.not_sent_by_unit).events.rows
        drawn = {name: sum(value or 0 for value in row) for name, row in charted.items()}
        drawn["rejected"] += drawn["not_sent"]
        for outcome in ("delivered", "rejected", "expired"):
            assert drawn[outcome] == now.outcomes[outcome]
        assert not shown.told_apart or drawn["not_sent"] == shown.rejected.not_sent
        found = trouble(now)
        if found is None:
            assert context["happenings"] == []
            return
        assert found.since == now.failing_since == min(one.at for one in context["happenings"])
        assert found.key is not None
        in_use = [last4 for at, last4 in self.keys if at <= found.since][-1]
        assert found.key.last4 == in_use, "a line keeps the key of its time"
        assert [span.last4 for span in found.switches] == [
            last4 for at, last4 in self.keys if at > found.since
        ]
        for incident in Incident.objects.filter(closed_at=None).exclude(reason=Cause.PAUSED):
            assert mail.facts(incident).since == now.failing_since, "a mail tells the moment of the page"
