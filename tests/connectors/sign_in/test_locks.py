"""Signing in beside chores and other people: nothing that was changed meanwhile is undone, nobody waits in a ring."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from connectors.models import User
from connectors.sign_in import housekeeping, tries
from connectors.sign_in.account_adapter import AccountAdapter
from connectors.sign_in.models import SignInTries
from tests.support.factories import UserFactory
from tests.support.threads import in_future

pytestmark = pytest.mark.django_db(transaction=True)
CHOSEN = "a phrase nobody guesses"


def test_a_new_password_undoes_nothing_that_was_changed_meanwhile() -> None:
    """Hashing it takes a while; the person was read before."""
    user: User = UserFactory.create(is_owner=True)
    User.objects.filter(pk=user.pk).update(is_owner=False, session_epoch=7)
    AccountAdapter().set_password(user, CHOSEN)
    now = User.objects.get(pk=user.pk)
    assert (now.is_owner, now.session_epoch, now.check_password(CHOSEN)) == (False, 7, True)


def test_a_count_that_is_just_gone_on_with_is_not_cleared_away() -> None:
    counted = tries.of("ada@example.com", "192.0.2.7")
    tries.consume(counted)
    SignInTries.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with transaction.atomic():
        tries.consume(counted[:1])
        assert in_future(housekeeping.purge).result(20) == len(counted) - 1
    assert list(SignInTries.objects.values_list("key", flat=True)) == [counted[0][1]]
