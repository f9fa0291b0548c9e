"""The health of a source, for people: a word, a colour and an icon."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from exporter.reports.source_state import SourceHealth

SIGNS = {
    SourceHealth.PAUSED: (pgettext_lazy("of a source", "Paused"), "", "pause"),
    SourceHealth.FAILING: (_("Failing"), "bad", "octagon"),
    SourceHealth.LATE: (_("Falling behind"), "warn", "clock"),
    SourceHealth.CATCHING_UP: (_("Catching up"), "accent", "catching-up"),
    SourceHealth.WAITING: (_("Nothing found yet"), "outline", "dashed"),
    SourceHealth.FOLLOWING: (_("Following"), "ok", "tick-circle"),
}
