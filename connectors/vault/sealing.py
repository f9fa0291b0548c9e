"""Encrypting and decrypting write keys: the one place where a stored key becomes plain text.

MultiFernet with a key list of its own (`WRITE_KEY_ENCRYPTION_KEYS`, never `SECRET_KEY`): the newest key encrypts, all
of them decrypt.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.crypto import salted_hmac

from connectors.models import WriteKey


class SecretUnreadable(Exception):
    """None of the encryption keys opens the stored key; nothing may be sent in its place."""


class Secret(str):
    """Plain text of a write key: prints as its last four characters."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Secret(••••{self[-4:]})"


@lru_cache(maxsize=4)
def _ring(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(plain: str) -> bytes:
    return _ring(tuple(settings.WRITE_KEY_ENCRYPTION_KEYS)).encrypt(plain.encode())


def fingerprint(plain: str) -> str:
    """Six hexadecimal digits that tell keys apart; without `SECRET_KEY` they cannot be computed from a guessed key."""
    return salted_hmac("connectors.vault.sealing.fingerprint", plain, algorithm="sha256").hexdigest()[:6]


def open_sealed(ciphertext: bytes) -> Secret:
    """The plain text of what `seal` made.

    Raises:
        SecretUnreadable: none of the keys opens it.
    """
    try:
        return Secret(_ring(tuple(settings.WRITE_KEY_ENCRYPTION_KEYS)).decrypt(ciphertext).decode())
    except (InvalidToken, UnicodeDecodeError):
        raise SecretUnreadable("A stored secret cannot be read.") from None


def unseal(write_key: WriteKey) -> Secret:
    """The plain write key.

    Raises:
        SecretUnreadable: none of the keys opens it.
    """
    try:
        return open_sealed(bytes(write_key.ciphertext))
    except SecretUnreadable:
        raise SecretUnreadable(f"The write key ending in {write_key.last4} cannot be read.") from None


def reseal(ciphertext: bytes) -> bytes:
    """The same secret, encrypted with the newest key.

    Raises:
        SecretUnreadable: none of the keys opens it.
    """
    try:
        return _ring(tuple(settings.WRITE_KEY_ENCRYPTION_KEYS)).rotate(bytes(ciphertext))
    except InvalidToken:
        raise SecretUnreadable("A stored write key cannot be read.") from None
