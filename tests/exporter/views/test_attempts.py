"""Attempts: found by answer, opened to what was in them, personal data only for those who may see it."""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client

from connectors.models import Role, Workspace
from exporter.actions import replays
from exporter.delivery.deliver import deliver
from exporter.models import Attempt
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import MembershipFactory
from tests.support.people import launch

pytestmark = pytest.mark.django_db(transaction=True)
HIDDEN = "•••"


def somebody(workspace: Workspace, role: Role) -> Client:
    client = Client()
    user = MembershipFactory.create(workspace=workspace, role=role).user
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def base(line: Line) -> str:
    return f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/"


def test_attempts_are_found_by_their_answer() -> None:
    with a_line() as line:
        line.feed(3)
        line.sandbox.fail(status=503, count=1)
        line.deliver()
        line.make_due()
        line.deliver()
        client = somebody(line.workspace, Role.VIEWER)

        def rows(answer: str) -> int:
            page = client.get(f"{base(line)}attempts/", {"answer": answer}).content.decode()
            return page.count('class="answer ')

        assert (rows(""), rows("503"), rows("wait"), rows("200"), rows("accepted")) == (2, 1, 1, 1, 1)
        assert rows("refused") == 0
        assert "Attempts by answer" in client.get(f"{base(line)}attempts/").content.decode()


def test_the_next_try_stands_beside_the_newest_attempt_alone() -> None:
    with a_line() as line:
        line.feed(3)
        line.sandbox.fail(status=401)
        for _time in range(2):
            line.deliver()
            line.make_due()
        line.deliver()
        due = line.delivery.next_attempt_at
        assert due is not None
        planned = f"{due:%H:%M:%S}"
        client = somebody(line.workspace, Role.VIEWER)
        for path in (base(line), f"{base(line)}attempts/"):
            rows = client.get(path).content.decode().split("<tbody>")[-1]
            assert rows.count(planned) == 1, path
            assert planned in rows.split("</tr>")[0], "the newest"
        last = Attempt.objects.order_by("-at", "-pk")[0]
        assert "None needed" not in client.get(f"{base(line)}attempts/{last.pk}/").content.decode()


def test_an_attempt_opens_to_its_first_events() -> None:
    with a_line() as line:
        line.feed(5, email_address="maya@example.com")
        line.deliver()
        attempt = Attempt.objects.get(delivery__connector=line.connector)
        path = f"{base(line)}attempts/{attempt.pk}/"
        marketer = somebody(line.workspace, Role.MARKETER).get(path).content.decode()
        assert "event-0" in marketer
        assert "event-2" in marketer
        assert "event-3" not in marketer
        assert "maya@example.com" in marketer


def test_an_attempt_shows_what_segment_said() -> None:
    with a_line() as line:
        line.feed(1)
        line.sandbox.fail(status=403, body='{"message": "not this source"}', count=1)
        line.deliver()
        attempt = Attempt.objects.get(delivery__connector=line.connector)
        page = (
            somebody(line.workspace, Role.VIEWER).get(f"{base(line)}attempts/{attempt.pk}/").content.decode()
        )
        assert "not this source" in page
        assert "403 key rejected" in page


def test_personal_data_in_an_attempt_is_hidden_from_viewers() -> None:
    with a_line() as line:
        line.feed(2, email_address="maya@example.com")
        line.deliver()
        attempt = Attempt.objects.get(delivery__connector=line.connector)
        page = (
            somebody(line.workspace, Role.VIEWER).get(f"{base(line)}attempts/{attempt.pk}/").content.decode()
        )
        assert "maya@example.com" not in page
        assert HIDDEN in page
        assert "only marketers and admins see it" in page


def test_another_connectors_attempt_is_not_found(as_: Callable[[str], Client], workspace: Workspace) -> None:
    own = launch(workspace)
    with a_line() as line:
        line.feed(1)
        line.deliver()
        attempt = Attempt.objects.get(delivery__connector=line.connector)
        assert as_("admin").get(f"/w/harbour/data-export/{own.pk}/attempts/{attempt.pk}/").status_code == 404


def test_the_request_is_shown_as_sent_without_the_key() -> None:
    with a_line(write_key="a-key-nobody-may-see") as line:
        line.feed(5, email_address="maya@example.com", campaign_name="It’s spring; don't wait")
        line.sandbox.fail(
            status=429, headers={"Retry-After": "7", "X-Secret": "no"}, body="slow down", count=1
        )
        line.deliver()
        attempt = Attempt.objects.get(delivery__connector=line.connector)
        path = f"{base(line)}attempts/{attempt.pk}/"
        page = unescape(somebody(line.workspace, Role.MARKETER).get(path).content.decode())
        assert "POST /v1/batch HTTP/1.1" in page
        assert "Authorization: Basic base64($WRITE_KEY:)" in page
        assert f"Content-Length: {attempt.bytes}" in page
        assert "3 of 5 calls in its body." in page
        assert '"type": "track"' in page
        assert "retry-after: 7" in page
        assert "slow down" in page
        assert "X-Secret" not in page
        for secret in ("a-key-nobody-may-see", b64encode(b"a-key-nobody-may-see:").decode()):
            assert secret not in page
        (curl,) = re.findall(r'id="curl"[^>]*>(.*?)</pre>', page, re.DOTALL)
        words = shlex.split(curl)
        assert words[:2] == ["curl", "-i"]
        assert "$WRITE_KEY:" in words
        sent = json.loads(words[words.index("--data-raw") + 1])
        arrived = [call["messageId"] for call in sent["batch"]]
        assert arrived == ["event-0", "event-1", "event-2"]
        line.make_due()
        line.deliver()
        assert set(arrived) <= set(line.arrived()), "the very ids that Segment got"


def test_the_request_hides_from_viewers_what_the_events_hide() -> None:
    with a_line() as line:
        line.feed(2, email_address="maya@example.com", ip="203.0.113.9")
        line.deliver()
        attempt = Attempt.objects.get(delivery__connector=line.connector)
        path = f"{base(line)}attempts/{attempt.pk}/"
        page = unescape(somebody(line.workspace, Role.VIEWER).get(path).content.decode())
        assert "The request as sent" in page
        assert HIDDEN in page
        assert "Spring Sale" in page
        assert 'id="curl"' not in page
        for hidden in ("maya@example.com", "203.0.113.9", "customer-0"):
            assert hidden not in page


def test_a_request_whose_events_are_gone_is_not_made_up() -> None:
    with a_line() as line:
        line.feed(2)
        line.deliver()
        attempt = Attempt.objects.get(delivery__connector=line.connector)
        Attempt.objects.update(first_event=500, last_event=501)
        page = (
            somebody(line.workspace, Role.ADMIN).get(f"{base(line)}attempts/{attempt.pk}/").content.decode()
        )
        assert "The request as sent" not in page
        assert "The log no longer holds these events." in page


def test_the_chart_counts_the_requests_the_list_shows() -> None:
    with a_line() as line:
        line.feed(3)
        line.deliver()
        made = replays.send_again(line.connector, 1, NOBODY)
        deliver(made.delivery_id)
        page = " ".join(
            somebody(line.workspace, Role.VIEWER).get(f"{base(line)}attempts/").content.decode().split()
        )
        assert page.count('class="answer ') == 2
        assert "Accepted: 2" in page


def test_since_launch_says_that_requests_are_told_of_a_week() -> None:
    with a_line() as line:
        line.feed(1)
        line.deliver()
        client = somebody(line.workspace, Role.VIEWER)
        for window, words in (("all", "7 days"), ("24h", "24 hours"), ("1h", "1 hour")):
            page = client.get(f"{base(line)}?window={window}").content.decode()
            assert f"requests to Segment, {words}" in page
