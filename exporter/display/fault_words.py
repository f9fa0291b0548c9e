"""Faults of a connection in the reader's language. They are stored in English, as logs and the API tell them."""

from __future__ import annotations

from django.utils.translation import gettext as _

from exporter.destinations.connection import NOT_PERMITTED, RESET, TIMED_OUT
from exporter.destinations.http_answer import NO_ANSWER
from exporter.incidents.webhook import UNREADABLE


def fault(stored: str) -> str:
    """A fault without words of its own here, such as a proxy's, is told as it is stored."""
    known = {
        TIMED_OUT: _("timed out"),
        RESET: _("connection reset"),
        NOT_PERMITTED: _("the address lies inside the server’s own network"),
        NO_ANSWER: _("connection closed without an answer"),
        UNREADABLE: _("the stored address cannot be read"),
        "connection timed out": _("connection timed out"),
        "connection refused": _("connection refused"),
        "host name not found": _("host name not found"),
        "TLS certificate or handshake refused": _("TLS certificate or handshake refused"),
        "no answer": _("no answer"),
    }
    return known.get(stored, stored)
