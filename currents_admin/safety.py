"""What must be true before the product starts in production. Each refusal is one sentence that says what to give."""

from __future__ import annotations

from urllib.parse import urlsplit

from currents_admin import env

LEAST_SECRET = 32
_LEAST_DIFFERENT = 8
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check(secret_key: str, hosts: list[str]) -> None:
    """Raises:
    BadEnvironment: sessions could be forged, any name would be answered to, or links would lead to this computer.
    """
    if len(secret_key) < LEAST_SECRET or len(set(secret_key)) < _LEAST_DIFFERENT:
        raise env.BadEnvironment(
            f"SECRET_KEY must be {LEAST_SECRET} random characters or more in production: it signs sessions."
        )
    if "*" in hosts:
        raise env.BadEnvironment(
            "ALLOWED_HOSTS must name the hosts people use, such as currents.example.com; “*” is not for production."
        )
    if not env.text("SITE_URL"):
        raise env.BadEnvironment(
            "SITE_URL must be set in production: the address people use, such as https://currents.example.com."
        )


def check_issuer(name: str, url: str) -> None:
    """Raises:
    BadEnvironment: whoever listens on the way could sign in as anybody.
    """
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in LOOPBACK:
        raise env.BadEnvironment(f"{name} must begin with https://: people sign in with what it answers.")
