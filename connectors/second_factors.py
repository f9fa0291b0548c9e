"""Second factors: their secrets are sealed in the database like write keys."""

from __future__ import annotations

from allauth.mfa.adapter import DefaultMFAAdapter

from connectors import sealing


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    def encrypt(self, text: str) -> str:
        return sealing.seal(text).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return str(sealing.open_sealed(encrypted_text.encode()))
