"""The first run: Braze's steps with the real values, a token made in place, and steps that turn green by themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.test import Client
from pytest_django import Settings

from connectors.models import IntakeToken, Workspace
from exporter.models import EventLog, ReceivedTotal

pytestmark = pytest.mark.django_db
As = Callable[[str], Client]
PATH = "/w/harbour/data-export/"
HTMX = {"HX-Request": "true"}


def green(page: str) -> list[bool]:
    """Of the steps, in order."""
    steps = page.split('<ol class="needs steps">')[1].split("</ol>")[0]
    return [kind == "good" for kind in re.findall(r'<span class="(good|faint)">', steps)]


def test_the_address_can_be_copied_and_nothing_is_green_yet(
    as_: As, workspace: Workspace, settings: Settings
) -> None:
    page = as_("admin").get(PATH).content.decode()
    assert f'<code id="intake-address">{settings.SITE_URL}/api/v1/events</code>' in page
    assert 'data-copy="intake-address"' in page
    assert green(page) == [False, False, False, False]


def test_an_admin_makes_the_token_in_place_and_sees_it_once(as_: As, workspace: Workspace) -> None:
    admin = as_("admin")
    page = admin.post(f"{PATH}token/", follow=True).content.decode()
    (plain,) = set(re.findall(r"cur_\w{10}_[\w-]+", page))
    token = IntakeToken.objects.get()
    assert (token.name, token.scopes) == ("Braze", ["intake"])
    assert green(page)[0]
    assert plain not in admin.get(PATH).content.decode()


def test_whoever_may_not_make_one_is_told_who_may(as_: As, workspace: Workspace) -> None:
    page = as_("marketer").get(PATH).content.decode()
    assert "Only admins of this workspace may do this." in page
    assert f"{PATH}token/" not in page


def test_the_steps_turn_green_while_the_page_is_open(as_: As, workspace: Workspace) -> None:
    admin = as_("admin")
    admin.post(f"{PATH}token/")
    IntakeToken.objects.update(last_used_at=datetime.now(UTC))
    part = admin.get(PATH, headers=HTMX).content.decode()
    assert "<html" not in part
    assert green(part) == [True, False, True, False]
    EventLog.objects.update(next_event=1)
    ReceivedTotal.objects.create(
        workspace=workspace, event_type="a.b", count=1, last_received_at=datetime.now(UTC)
    )
    part = admin.get(PATH, headers=HTMX).content.decode()
    assert green(part) == [True, False, True, True]
    (stamp,) = re.findall(r'name="stamp" value="(\w+)"', part)
    assert admin.get(PATH, {"stamp": stamp}, headers=HTMX).status_code in (200, 204)


def test_a_form_in_it_is_no_news_while_nothing_is_new(as_: As, workspace: Workspace) -> None:
    admin = as_("admin")
    part = admin.get(PATH, headers=HTMX).content.decode()
    assert "csrfmiddlewaretoken" in part
    (stamp,) = re.findall(r'name="stamp" value="(\w+)"', part)
    assert admin.get(PATH, {"stamp": stamp}, headers=HTMX).status_code == 204
