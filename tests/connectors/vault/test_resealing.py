"""Changing the encryption key: everything moves while it is used, and what cannot be read harms nothing else."""

from __future__ import annotations

import io
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from connectors.models import WriteKey
from connectors.sign_in.second_factors import SecondFactorAdapter
from connectors.vault import sealing
from tests.support.delivering import a_line
from tests.support.factories import UserFactory, WriteKeyFactory

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def _the_old_key(settings: Any) -> None:
    settings.WRITE_KEY_ENCRYPTION_KEYS = [OLD]


def reencrypt() -> str:
    out = io.StringIO()
    call_command("reencrypt_write_keys", stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_after_the_move_the_old_key_is_not_needed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.vault.resealing.BATCH", 2)
    keys = [WriteKeyFactory.create(plain=f"not-a-real-key-{number}") for number in range(5)]
    user = UserFactory.create()
    adapter = SecondFactorAdapter()
    data = {"secret": adapter.encrypt("JBSWY3DPEHPK3PXP")}
    codes = {"migrated_codes": [adapter.encrypt("12345678")], "used_mask": 3}
    Authenticator.objects.create(user=user, type="totp", data=data)
    Authenticator.objects.create(user=user, type="recovery_codes", data=codes)
    settings.WRITE_KEY_ENCRYPTION_KEYS = [NEW, OLD]
    assert reencrypt() == "Encrypted 7 secrets again.\n"
    settings.WRITE_KEY_ENCRYPTION_KEYS = [NEW]
    opened = [sealing.unseal(WriteKey.objects.get(pk=key.pk)) for key in keys]
    assert opened == [f"not-a-real-key-{number}" for number in range(5)]
    assert adapter.decrypt(Authenticator.objects.get(type="totp").data["secret"]) == "JBSWY3DPEHPK3PXP"
    kept = Authenticator.objects.get(type="recovery_codes").data
    assert (adapter.decrypt(kept["migrated_codes"][0]), kept["used_mask"]) == ("12345678", 3)


@pytest.mark.django_db
def test_what_cannot_be_read_is_named_and_the_others_are_moved(settings: Any) -> None:
    lost, kept = WriteKeyFactory.create(), WriteKeyFactory.create()
    WriteKey.objects.filter(pk=lost.pk).update(ciphertext=b"not readable")
    settings.WRITE_KEY_ENCRYPTION_KEYS = [NEW, OLD]
    with pytest.raises(CommandError, match=f"write key {lost.pk} "):
        reencrypt()
    settings.WRITE_KEY_ENCRYPTION_KEYS = [NEW]
    assert sealing.unseal(WriteKey.objects.get(pk=kept.pk)) == "not-a-real-key"
    assert bytes(WriteKey.objects.get(pk=lost.pk).ciphertext) == b"not readable"


@pytest.mark.django_db
def test_a_key_rotated_during_the_move_is_not_overwritten(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = WriteKeyFactory.create()
    settings.WRITE_KEY_ENCRYPTION_KEYS = [NEW, OLD]
    reseal = sealing.reseal

    def meanwhile(ciphertext: bytes) -> bytes:
        WriteKey.objects.filter(pk=key.pk).update(ciphertext=sealing.seal("a-newer-one"))
        return reseal(ciphertext)

    monkeypatch.setattr("connectors.vault.sealing.reseal", meanwhile)
    reencrypt()
    assert sealing.unseal(WriteKey.objects.get(pk=key.pk)) == "a-newer-one"


@pytest.mark.django_db(transaction=True)
def test_an_unreadable_key_stops_its_connector_and_no_other() -> None:
    with a_line() as broken, a_line(write_key="another-key-for-the-sandbox") as sound:
        WriteKey.objects.filter(connector=broken.connector).update(ciphertext=b"not readable")
        broken.feed(3)
        ids = sound.feed(3)
        broken.deliver()
        sound.deliver()
        assert broken.arrived() == []
        assert sound.arrived() == ids
        assert broken.delivery.stopped == "key_unreadable"
        assert sound.delivery.stopped == ""
