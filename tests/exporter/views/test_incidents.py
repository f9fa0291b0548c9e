"""Incidents stay after the recovery, each with its span, its cost, who was told and who did what."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from connectors.audit.actor import By
from connectors.models import Role, WriteKey
from connectors.setup import lifecycle
from exporter.delivery.expiry import expire_due
from exporter.incidents.detect import look
from exporter.incidents.mail import mail_due
from exporter.models import Incident
from exporter.reports import incident_history
from exporter.reports.summary import summary
from tests.support.ageing import after, signed
from tests.support.delivering import NOBODY, Line, a_line
from tests.support.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def base(line: Line) -> str:
    return f"/w/{line.workspace.slug}/data-export/{line.connector.pk}/"


def viewer(line: Line) -> Client:
    client = Client()
    user = MembershipFactory.create(workspace=line.workspace, role=Role.VIEWER).user
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def told(client: Client, path: str) -> str:
    """The words of a page, without its breaks."""
    return " ".join(client.get(path).content.decode().split())


def test_an_incident_stays_with_all_that_was_done_about_it() -> None:
    with a_line() as line:
        signed("sweep")
        line.feed(3)
        line.sandbox.fail(status=401)
        line.deliver()
        mail_due()
        night = UserFactory.create(name="Nadia Night")
        client = viewer(line)
        assert "going on" in told(client, f"{base(line)}incidents/")
        lifecycle.rotate(line.connector, write_key="the-right-key-this-time", region="us", by=By(night))
        assert "going on" in told(client, f"{base(line)}incidents/"), "nothing was tried with it yet"
        line.sandbox.heal()
        line.make_due()
        line.deliver()
        status = told(client, base(line))
        assert "Delivering; up to date." in status
        for page in (status, told(client, f"{base(line)}incidents/")):
            assert re.search("delivering again since .+, closed once that has lasted 1 min", page)
            assert "nothing lost so far" in page
            assert "going on" not in page
        look(after(seconds=90))
        for path in ("incidents/", ""):
            page = client.get(base(line) + path).content.decode()
            assert "Key rejected" in page
            assert "nothing lost" in page
            assert "going on" not in page
        page = client.get(f"{base(line)}incidents/").content.decode()
        assert "Mail to data@example.com: Delivery stopped." in page
        assert "Write key switched (••••time), by Nadia Night" in page


def test_the_switch_that_led_to_it_is_told_with_it_and_keys_that_end_alike_are_told_apart() -> None:
    with a_line() as line:
        signed("sweep")
        alike = "w" * 28 + key_of(line).last4
        lifecycle.rotate(
            line.connector, write_key=alike, region="us", by=By(UserFactory.create(name="Nadia"))
        )
        line.sandbox.fail(status=401)
        line.feed(3)
        line.deliver()
        new = key_of(line)
        page = told(viewer(line), f"{base(line)}incidents/")
        assert f"Write key switched (••••{new.last4} {new.fingerprint}), by Nadia" in page


def key_of(line: Line) -> WriteKey:
    key = lifecycle.key_in_use(line.connector)
    assert key is not None
    return key


def test_the_page_follows_an_incident_by_itself_and_hears_nothing_while_nothing_happens() -> None:
    with a_line() as line:
        signed("sweep")
        line.feed(3)
        line.sandbox.fail(status=401)
        line.deliver()
        client, path = viewer(line), f"{base(line)}incidents/"
        page = client.get(path).content.decode()
        found = re.search(r'name="stamp" value="([^"]+)"', page)
        assert found is not None
        polled = {"stamp": found[1]}
        htmx = {"HX-Request": "true"}
        assert client.get(path, polled, headers=htmx).status_code == 204
        line.sandbox.heal()
        line.make_due()
        line.deliver()
        news = client.get(path, polled, headers=htmx)
        assert (news.status_code, "delivering again since" in news.content.decode()) == (200, True)
        assert "<html" not in news.content.decode()


def test_what_it_cost_is_counted_while_it_goes_on_and_kept_afterwards() -> None:
    with a_line() as line:
        signed("sweep")
        line.feed(4)
        line.sandbox.fail(status=401)
        line.deliver()
        expire_due(after(hours=49))
        assert [one.lost for one in incident_history.latest(summary(line.connector), 5)] == [4]
        line.sandbox.heal()
        line.feed(1)
        line.make_due()
        line.deliver()
        look(after(hours=50))
        assert Incident.objects.get().lost == 4
        assert "4 events lost" in viewer(line).get(f"{base(line)}incidents/").content.decode()


def test_one_that_comes_again_within_the_hour_says_that_it_closes_later() -> None:
    with a_line() as line:
        signed("sweep")
        for _ in range(2):
            line.feed(3)
            line.sandbox.fail(status=401)
            line.make_due()
            line.deliver()
            line.sandbox.heal()
            line.make_due()
            line.deliver()
            look(after(seconds=90))
        page = told(viewer(line), f"{base(line)}incidents/")
        assert re.search("delivering again since .+, closed after 10 min without trouble", page)


def test_a_pause_that_is_over_with_nothing_to_send_is_no_trouble_any_more() -> None:
    with a_line() as line:
        lifecycle.pause(line.connector, by=NOBODY)
        look(after(seconds=1))
        client = viewer(line)
        assert "going on" in told(client, f"{base(line)}incidents/")
        lifecycle.resume(line.connector, by=NOBODY)
        page = told(client, f"{base(line)}incidents/")
        assert "nothing is wrong any more, closed after 10 min without trouble" in page
        assert "going on" not in page


def test_a_connector_that_was_never_ill_says_so() -> None:
    with a_line() as line:
        client = viewer(line)
        page = client.get(f"{base(line)}incidents/").content.decode()
        assert "Nothing has ever been wrong with this connector." in page
        assert "All incidents" not in client.get(base(line)).content.decode()


def test_many_are_shown_in_pages() -> None:
    with a_line() as line:
        for number in range(incident_history.PAGE + 1):
            at = after(hours=-number)
            Incident.objects.create(connector=line.connector, reason="retrying", opened_at=at, closed_at=at)
        first = incident_history.page(line.connector)
        assert first.more is not None
        rest = incident_history.page(line.connector, first.more)
        assert (len(first.incidents), len(rest.incidents), rest.more) == (incident_history.PAGE, 1, None)
