"""Begins to tell, once a process."""

from __future__ import annotations

from currents_admin import env, env_urls, log_faults
from exporter import paced_lines


def start() -> None:
    """Raises:
    BadEnvironment: an address cannot be one.
    """
    if dsn := env.text("SENTRY_DSN"):
        from currents_admin.telemetry import sentry

        log_faults.observer = sentry.Reporter(sentry.Project.read("SENTRY_DSN", dsn)).note
    if env.text("OTEL_EXPORTER_OTLP_ENDPOINT"):
        from currents_admin.telemetry import spans

        endpoint = env_urls.web("OTEL_EXPORTER_OTLP_ENDPOINT", "")
        more = spans.headers("OTEL_EXPORTER_OTLP_HEADERS", env.words("OTEL_EXPORTER_OTLP_HEADERS"))
        paced_lines.observers.append(spans.Tracer(endpoint, more).note)
