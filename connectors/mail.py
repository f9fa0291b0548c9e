"""Mails about people and keys: an invitation, a write key that should be replaced soon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string


@dataclass(frozen=True, slots=True)
class Letter:
    """`sentences` say what happened and what it means, `address` is where to act, `why` why one gets this mail."""

    subject: str
    sentences: Sequence[str]
    address: str
    verb: str
    why: str


def send(letter: Letter, to: Sequence[str]) -> None:
    """Raises:
    OSError, smtplib.SMTPException: the mail server did not take it.
    """
    context = {"letter": letter}
    mail = EmailMultiAlternatives(
        subject=" ".join(letter.subject.split()),  # a line break would end the header
        body=render_to_string("mail/note.txt", context),
        to=list(to),
        headers={"Auto-Submitted": "auto-generated"},
    )
    mail.attach_alternative(render_to_string("mail/note.html", context), "text/html")
    mail.send()
