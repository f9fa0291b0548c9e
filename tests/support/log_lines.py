"""What the product wrote into the log during a test."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import pytest

from currents_admin import log_lines


def lines_of(caplog: pytest.LogCaptureFixture, event: str = "") -> list[dict[str, Any]]:
    """The lines of ours, or those of one event."""
    found = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    return [line for line in found if not event or line["event"] == event]


def formatter(form: str = log_lines.JSON) -> logging.Formatter:
    made = log_lines.settings("INFO", form, debug=False)
    return logging.config.DictConfigurator(made).configure_formatter(made["formatters"]["line"])


def written(caplog: pytest.LogCaptureFixture, form: str = log_lines.JSON) -> str:
    """Every line, the libraries' too, as the product's formatter writes it."""
    return "\n".join(map(formatter(form).format, caplog.records))
