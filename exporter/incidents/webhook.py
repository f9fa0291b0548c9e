"""The same notices that are mailed, posted to the workspace's webhook: JSON with a signature, and `text` for Slack.

All due notices of an incident are claimed together, by one conditional update like the mails', and go out as one post:
the weightiest. The claim expires, so a worker that dies costs minutes; a second copy bears the same `id`.

`X-Currents-Signature` is `t=<unix seconds>,v1=<hex>`, where hex is the HMAC-SHA256 of `<unix seconds>.<body>` under the
webhook's secret. A receiver checks it, and that the time is a recent one.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import translation
from django.utils.translation import gettext_noop

from connectors import mail
from connectors.vault import sealing
from connectors.vault.sealing import SecretUnreadable
from connectors.web.language import of_person
from exporter import sql
from exporter.destinations import sender
from exporter.destinations.address_guard import AddressGuard, guard
from exporter.incidents import letter as letters
from exporter.incidents.letter import Facts
from exporter.incidents.mail import facts, note, take, wait_after
from exporter.models import Incident, MailStep, Webhook

WHOLE_SECONDS = 10.0
UNREADABLE = gettext_noop("the stored address cannot be read")

_CLAIM = """
WITH due AS (
    SELECT i.id FROM exporter_incident i
      JOIN connectors_connector c ON c.id = i.connector_id
      JOIN exporter_webhook w ON w.workspace_id = c.workspace_id
     WHERE EXISTS (SELECT 1 FROM exporter_notice n
                    WHERE n.incident_id = i.id AND n.posted_at IS NULL AND n.created_at > %(oldest)s
                      AND n.created_at >= w.created_at
                      AND (n.post_claimed_until IS NULL OR n.post_claimed_until <= %(now)s))
       AND NOT EXISTS (SELECT 1 FROM exporter_notice n WHERE n.incident_id = i.id AND n.posted_at IS NULL
                          AND n.post_claimed_until > %(now)s)
     ORDER BY i.id LIMIT 1 FOR NO KEY UPDATE OF i SKIP LOCKED
)
UPDATE exporter_notice n SET post_claimed_until = %(until)s, post_tries = n.post_tries + 1
  FROM due
 WHERE n.incident_id = due.id AND n.posted_at IS NULL
   AND (n.post_claimed_until IS NULL OR n.post_claimed_until <= %(now)s)
RETURNING n.id, n.incident_id, n.step, n.post_tries
"""


class NotTaken(Exception):
    """The receiver did not take the post; the text names its status or the fault."""


@dataclass(frozen=True, slots=True)
class Post:
    """`body` is JSON; `language` is nobody's, for it was chosen when the body was made."""

    webhook: Webhook
    body: dict[str, Any]

    def send(self) -> None:
        """Raises:
        NotTaken: it was not answered with 2xx.
        """
        status, error = _exchange(self.webhook, self.body)
        took = status is not None and 200 <= status < 300
        Webhook.objects.filter(pk=self.webhook.pk).update(
            last_at=sql.clock(), last_status=status, last_error=error[:200]
        )
        if not took:
            raise NotTaken(str(status) if status is not None else error)


@dataclass(frozen=True, slots=True)
class PostClaim:
    """Notices of one incident that are ours to post. `at` stands for the database's clock where it is given."""

    incident_id: int
    notices: list[int]
    step: MailStep
    tries: int
    at: datetime | None = None

    def message(self) -> Post | None:
        """None if the connector or the webhook has been deleted."""
        incident = Incident.objects.filter(pk=self.incident_id).select_related("connector__workspace").first()
        if incident is None:
            return None
        webhook = Webhook.objects.filter(workspace=incident.connector.workspace).first()
        if webhook is None:
            return None
        return Post(webhook, payload(self.step, incident, facts(incident, self.at)))

    def sent(self) -> None:
        note(self.incident_id, self.notices, posted_at=self._now())

    def put_off(self) -> None:
        note(self.incident_id, self.notices, post_claimed_until=self._now() + wait_after(self.tries))

    def _now(self) -> datetime:
        return self.at or sql.clock()


def post_due(at: datetime | None = None) -> int:
    """Posts all that is due and returns how many were taken; what is left is tried again later."""
    return mail.send_claimed(lambda: claim(at))


def claim(at: datetime | None = None) -> PostClaim | None:
    """The due notices of one incident, ours until the claim expires; None where nothing is due."""
    taken = take(_CLAIM, at)
    return PostClaim(*taken, at) if taken else None


def payload(step: MailStep, incident: Incident, told: Facts) -> dict[str, Any]:
    """What is posted. Keys and values of `event` and `cause` are for machines and stay as they are."""
    connector = incident.connector
    return {
        "id": f"incident-{incident.pk}-{step.value}",
        "event": f"incident.{step.value}",
        "text": _text(step, told, connector.language),
        "workspace": {"slug": connector.workspace.slug, "name": connector.workspace.name},
        "connector": {"id": connector.pk, "name": connector.name, "link": told.link},
        "cause": told.cause,
        "since": _moment(told.since),
        "recovered_at": _moment(told.until),
        "pending": told.pending,
        "first_loss_at": _moment(told.first_loss),
        "lost": sum(told.expired.values()),
    }


def trial(webhook: Webhook) -> Post:
    """A post that shows whether the receiver understands; `event` tells it from the others."""
    workspace = webhook.workspace
    text = f"Currents Admin can reach you about “{workspace.name}”."
    names = {"slug": workspace.slug, "name": workspace.name}
    return Post(
        webhook, {"id": f"test-{time.time_ns()}", "event": "test", "text": _plain(text), "workspace": names}
    )


def address_guard() -> AddressGuard:
    return guard(settings.CURRENTS_WEBHOOK_NETWORKS)


def signature(secret: str, at: int, body: bytes) -> str:
    signed = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def _exchange(webhook: Webhook, content: dict[str, Any]) -> tuple[int | None, str]:
    """The status, or in words why there is none."""
    try:
        url, secret = sealing.open_sealed(bytes(webhook.url)), sealing.open_sealed(bytes(webhook.secret))
    except SecretUnreadable:
        return None, UNREADABLE
    body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
    signed = signature(secret, int(time.time()), body)
    line = f"X-Currents-Signature: {signed}\r\n".encode()
    to = sender.endpoint(str(url)).guarded(address_guard(), line)
    # The claim must not keep a database connection waiting.
    connection.close()
    answer = sender.post(to, b"", lambda: body, seconds=WHOLE_SECONDS)
    return answer.status, "" if answer.status is not None else answer.error or "no answer"


def _text(step: MailStep, told: Facts, language: str) -> str:
    """The subject and the sentences of the mail, without its table."""
    letter = letters.write(step, told, [], "", language)
    with translation.override(of_person(language)):
        sentences = letter.text.partition(told.link)[0]
        return f"*{_plain(letter.subject)}*\n{_plain(mail.one_line(sentences))}\n{told.link}"


def _plain(text: str) -> str:
    """Slack reads `&`, `<` and `>` as marks of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
