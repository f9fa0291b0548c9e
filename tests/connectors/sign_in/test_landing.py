"""Where people land after signing in."""

from __future__ import annotations

import pytest
from django.test import Client

from connectors.models import Role, User
from tests.support.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db
PASSWORD = "four words of a pass phrase"


def landing(user: User) -> str:
    user.set_password(PASSWORD)
    user.save()
    answer = Client().post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    return str(answer.headers["Location"])


def test_a_person_with_one_workspace_lands_in_it() -> None:
    membership = MembershipFactory.create(role=Role.VIEWER)
    assert landing(membership.user) == f"/w/{membership.workspace.slug}/data-export/"


def test_somebody_with_several_or_none_sees_them_all() -> None:
    membership = MembershipFactory.create(role=Role.VIEWER)
    MembershipFactory.create(user=membership.user, role=Role.VIEWER)
    assert landing(membership.user) == "/"
    assert landing(UserFactory.create()) == "/"
