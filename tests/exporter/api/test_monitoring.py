"""Alert rules and dashboard: the rules fire when they should, and both ask only for metrics that exist."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from exporter.api import exposition
from exporter.dispatch import durations, heartbeats
from exporter.models import Source
from exporter.models.sources import Begin
from tests.support.delivering import a_line

MONITORING = Path(__file__).resolve().parents[3] / "docs" / "monitoring"
ASKED = re.compile(r"\bcurrents_[a-z_]+")


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_each_alert_fires_when_it_should_and_not_before() -> None:
    subprocess.run(["promtool", "check", "rules", "alerts.yml"], cwd=MONITORING, check=True)
    subprocess.run(["promtool", "test", "rules", "alerts_test.yml"], cwd=MONITORING, check=True)
    syntax = ["promtool", "check", "config", "--syntax-only", "prometheus.yml"]
    subprocess.run(syntax, cwd=MONITORING, check=True)


@pytest.mark.django_db(transaction=True)
def test_rules_and_dashboard_ask_only_for_metrics_that_exist() -> None:
    with a_line() as line:
        line.feed(1)
        line.deliver()
        line.feed(1)
        heartbeats.beat(["web"])
        counted = durations.Durations()
        for line_name in ("intake.request", "delivery.attempt"):
            counted.note(line_name, {"status": 202, "ms": 1})
        counted.store()
        Source.objects.create(workspace=line.workspace, url="s3://exports", begin=Begin.NOW)
        told = set(re.findall(r"^(currents_[a-z_]+)", exposition.exposition().decode(), re.MULTILINE))
    board = json.loads((MONITORING / "grafana.json").read_text())
    asked = {
        name for panel in board["panels"] for each in panel["targets"] for name in ASKED.findall(each["expr"])
    }
    rules = re.findall(r"expr: (?:>-\n)?((?:.+\n)(?: {10}.+\n)*)", (MONITORING / "alerts.yml").read_text())
    asked |= {name for rule in rules for name in ASKED.findall(rule)}
    assert len(asked) > 10
    assert asked <= told
