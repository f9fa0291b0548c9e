"""The mailer of both apps: a letter, how it is sent, and how one that must not be lost is sent.

A letter's words are three templates in `templates/mail/<name>/`: `subject.txt`, `body.txt` and `body.html`. Sentences
that both bodies share are templates of their own beside them. A letter is written in the language of whoever gets it,
with times in UTC, because it is read later and elsewhere.

A mail that must not be lost is a row in the database. A worker *claims* it, sends it, and marks it as sent only then.
A claim expires, so a worker that dies in mid-mail costs minutes; if the mail server had taken the mail already, a
second copy goes out under the same Message-ID.
"""

from __future__ import annotations

import re
import smtplib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import connection
from django.template import Context, Engine
from django.utils import translation

from connectors.web.language import of_person

log = structlog.get_logger(__name__)

# Longer than a mail server that is slow, but does answer, can take.
CLAIM_LASTS = timedelta(minutes=5)
_beside: Executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
# The server answered, and it is this mail it does not want.
_THIS_MAIL_ONLY = (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError)


def one_line(text: str) -> str:
    """The text without line breaks and with single blanks; one that holds a French sign to its word stays."""
    return re.sub(r"[^\S\u00a0]+", " ", text).strip()


@dataclass(frozen=True, slots=True)
class Letter:
    """`name` is the folder of its templates, `context` what they are filled with. `reference` makes the Message-ID: the
    same for every copy of one mail; empty where there is only ever one. `language` is the reader's, or empty for the
    site's."""

    name: str
    context: Mapping[str, object]
    to: Sequence[str]
    reference: str = ""
    language: str = ""

    @property
    def subject(self) -> str:
        """One line: a line break in somebody's connector name must not begin a header of its own."""
        return one_line(_render(f"mail/{self.name}/subject.txt", self.context, escape=False))

    @property
    def text(self) -> str:
        """Paragraphs with one empty line between them, whatever the templates' tags and indentation leave behind."""
        body = _render(f"mail/{self.name}/body.txt", self.context, escape=False)
        lines = "\n".join(line.strip() for line in body.splitlines())
        return re.sub(r"\n{3,}", "\n\n", lines.strip()) + "\n"

    @property
    def html(self) -> str:
        return _render(
            f"mail/{self.name}/body.html", {**self.context, "subject": self.subject}, escape=True
        ).lstrip()

    def send(self) -> None:
        """Raises:
        OSError, smtplib.SMTPException: the mail server did not take it.
        """
        headers = {"Auto-Submitted": "auto-generated"}
        if self.reference:
            host = urlsplit(settings.SITE_URL).hostname or "localhost"
            headers["Message-ID"] = f"<{self.reference}@{host}>"
        with translation.override(of_person(self.language)):
            mail = EmailMultiAlternatives(self.subject, self.text, to=list(self.to), headers=headers)
            mail.attach_alternative(self.html, "text/html")
        began = time.monotonic()
        mail.send()
        ms = round(1000 * (time.monotonic() - began))
        log.info("mail.sent", letter=self.name, recipients=len(self.to), ms=ms)


class Message(Protocol):
    """A letter, or a post to a webhook."""

    def send(self) -> None:
        """Raises whatever says that it was not taken. An OSError other than a mail server's answer means that nobody
        can be reached just now."""


class Claim(Protocol):
    """A message that is ours to send until the claim expires."""

    def message(self) -> Message | None:
        """None where there is nobody left to tell."""

    def sent(self) -> None:
        """It was taken, or nobody is left to tell."""

    def put_off(self) -> None:
        """It was not sent; it becomes due again later."""


def send_soon(letter: Letter) -> None:
    """Sends it beside the request, once: whoever asks learns nothing from how long that takes, and a mail server that
    hangs holds nobody up. One that fails is lost, so this is for what can be asked for again."""
    _beside.submit(_send_or_tell, letter)


def _send_or_tell(letter: Letter) -> None:
    try:
        letter.send()
    except Exception as error:  # whatever a mail server does: nobody waits for the answer
        log.warning("mail.failed", letter=letter.name, next="it is not repeated", exc_info=error)


def send_claimed(claim: Callable[[], Claim | None]) -> int:
    """Sends claimed messages until none is due and returns how many went out. One that fails is put off; a server that
    cannot be reached ends the round, so that it is not asked once for each mail."""
    count = 0
    while (mine := claim()) is not None:
        try:
            message = mine.message()
            # A server that hangs must not keep a database connection waiting, nor a snapshot open.
            connection.close()
            if message is not None:
                message.send()
                count += 1
        except Exception as error:  # whatever a mail server or a template does: the others must not suffer
            log.warning("mail.failed", next="it is tried again", exc_info=error)
            mine.put_off()
            if isinstance(error, OSError) and not isinstance(error, _THIS_MAIL_ONLY):
                break
        else:
            mine.sent()
    return count


def _render(template: str, context: Mapping[str, object], *, escape: bool) -> str:
    return Engine.get_default().get_template(template).render(Context(dict(context), autoescape=escape))
