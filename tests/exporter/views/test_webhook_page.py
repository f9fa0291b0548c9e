"""Settings › Webhook: set it, see its secret once, try it, remove it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django import Settings

from connectors.models import Workspace
from exporter.models import Webhook
from tests.support.receiver import a_receiver

pytestmark = pytest.mark.django_db(transaction=True)
As = Callable[[str], Client]
PATH = "/w/harbour/settings/webhook/"


@pytest.fixture(autouse=True)
def _here(settings: Settings) -> None:
    """The receiver is on loopback."""
    settings.CURRENTS_WEBHOOK_NETWORKS = ["127.0.0.0/8"]


def test_it_is_set_tried_and_removed(as_: As, workspace: Workspace) -> None:
    client = as_("admin")
    with a_receiver() as receiver:
        page = client.post(PATH, {"url": receiver.url}, follow=True).content.decode()
        (secret,) = re.findall(r"whsec_[\w-]+", page)
        assert "Copy the secret now" in page
        again = client.get(PATH).content.decode()
        assert secret not in again
        assert f"{receiver.url.removesuffix('/hook')}/…hook" in again
        tried = client.post(f"{PATH}try/", follow=True).content.decode()
        assert "It was taken. Look at what arrived." in tried
        receiver.status = 500
        assert "It was not taken: 500." in client.post(f"{PATH}try/", follow=True).content.decode()
    client.post(f"{PATH}remove/")
    assert not Webhook.objects.exists()


def test_a_bad_address_stays_in_its_field_with_what_to_give(as_: As, workspace: Workspace) -> None:
    answer = as_("admin").post(PATH, {"url": "ftp://example.com"})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert 'value="ftp://example.com"' in page
    assert "Give an address that begins with https://." in page
    assert not Webhook.objects.exists()
