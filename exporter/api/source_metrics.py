"""Metrics of sources: whether each is followed, how far it is behind, what it brought."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporter.models import Source
from exporter.reports import source_state

_LABELS = ("workspace", "source")


def collect() -> Iterator[Metric]:
    """Raises:
    DatabaseError: the database cannot be asked.
    """
    sources = list(Source.objects.select_related("workspace").order_by("pk"))
    failing = GaugeMetricFamily("currents_source_failing", "1 while a source cannot be read.", labels=_LABELS)
    lag = GaugeMetricFamily(
        "currents_source_lag_seconds", "Age of a source's oldest object that waits.", labels=_LABELS
    )
    aside = GaugeMetricFamily(
        "currents_source_objects_set_aside", "Objects that could not be read whole.", labels=_LABELS
    )
    objects = CounterMetricFamily(
        "currents_source_objects", "Objects that were taken from a source.", labels=_LABELS
    )
    events = CounterMetricFamily(
        "currents_source_events", "Events that a source brought into the log.", labels=_LABELS
    )
    for one in source_state.states(sources):
        labels = (one.source.workspace.slug, str(one.source.pk))
        failing.add_metric(labels, float(bool(one.source.trouble)))
        lag.add_metric(labels, one.lag.total_seconds() if one.lag else 0.0)
        aside.add_metric(labels, one.set_aside)
        objects.add_metric(labels, one.source.objects_taken)
        events.add_metric(labels, one.source.accepted)
    yield from (failing, lag, aside, objects, events)
