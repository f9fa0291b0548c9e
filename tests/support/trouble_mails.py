"""Trouble, the chores that tell of it, and the mails that came of it."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from django.core import mail
from django.core.mail import EmailMultiAlternatives

from exporter.delivery.expiry import expire_due
from exporter.incidents.detect import look
from exporter.incidents.mail import mail_due
from tests.support.delivering import Line


def stop(line: Line, status: int = 401) -> None:
    line.feed(3)
    line.sandbox.fail(status=status)
    assert line.deliver() == "failed"


def chores(at: datetime) -> None:
    """All of them, twice: what is told once must not be told again."""
    for _ in range(2):
        expire_due(at)
        look(at)
        mail_due(at)


def sent() -> list[EmailMultiAlternatives]:
    """The mails sent so far."""
    return cast(list[EmailMultiAlternatives], mail.outbox)


def last() -> str:
    """The text of the newest mail, its lines joined."""
    return " ".join(str(sent()[-1].body).split())
