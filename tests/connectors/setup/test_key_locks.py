"""Changes of keys that meet: what a chore, a command or another window does in between is neither undone nor lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.db import transaction
from django.utils import timezone

from connectors.audit.actor import By
from connectors.models import Connector, User, WriteKey
from connectors.setup import key_rotation, lifecycle
from connectors.vault import resealing, sealing
from tests.support.ageing import wait_for_a_blocked_statement
from tests.support.threads import in_future

pytestmark = pytest.mark.django_db(transaction=True)
OTHER = "o" * 28 + "head"


def found_before(monkeypatch: pytest.MonkeyPatch, name: str, key: WriteKey | None) -> None:
    """As if the key had been read by the page's own statement, before what happened since."""
    monkeypatch.setattr(key_rotation, name, lambda *_asked: key)


def test_a_key_that_is_sealed_anew_while_it_is_switched_to_stays_so(
    connector: Connector, people: dict[str, User], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = By(people["admin"])
    proposed = key_rotation.propose(connector, write_key=OTHER, region="eu", by=by)
    found_before(monkeypatch, "proposed", WriteKey.objects.get(pk=proposed.pk))
    settings.WRITE_KEY_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.WRITE_KEY_ENCRYPTION_KEYS,
    ]
    assert resealing.reseal_everything().moved == 2
    key_rotation.switch(connector, key_id=proposed.pk, seen=None, by=by)
    settings.WRITE_KEY_ENCRYPTION_KEYS = settings.WRITE_KEY_ENCRYPTION_KEYS[:1]
    in_use = lifecycle.key_in_use(connector)
    assert in_use is not None
    assert sealing.unseal(in_use) == OTHER, "the key it was sealed with before may be gone by now"


def test_nobody_goes_back_to_a_key_that_is_just_destroyed(
    connector: Connector, people: dict[str, User], monkeypatch: pytest.MonkeyPatch
) -> None:
    by = By(people["admin"])
    lifecycle.rotate(connector, write_key=OTHER, region="eu", by=by)
    found_before(monkeypatch, "former", key_rotation.former(connector))
    assert key_rotation.destroy_old(timezone.now() + timedelta(hours=25)) == 1
    with pytest.raises(key_rotation.NoWayBack):
        key_rotation.roll_back(connector, seen=None, by=by)
    in_use = lifecycle.key_in_use(connector)
    assert in_use is not None
    assert sealing.unseal(in_use) == OTHER
    assert WriteKey.objects.filter(ciphertext=b"", destroyed_at__isnull=False).count() == 1


def test_a_key_is_not_discarded_in_the_middle_of_the_switch_to_it(
    connector: Connector, people: dict[str, User]
) -> None:
    by = By(people["admin"])
    key = key_rotation.propose(connector, write_key=OTHER, region="eu", by=by)
    with transaction.atomic():
        lifecycle.locked(connector)
        discarded = in_future(lambda: key_rotation.discard(connector, by))
        wait_for_a_blocked_statement()
        key_rotation.switch(connector, key_id=key.pk, seen=None, by=by)
    discarded.result(20)
    in_use = lifecycle.key_in_use(connector)
    assert in_use is not None
    assert in_use.pk == key.pk
