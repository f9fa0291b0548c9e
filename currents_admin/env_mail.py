"""Mail in the environment: where it goes, and who it is from."""

from __future__ import annotations

from email.utils import getaddresses
from pathlib import Path
from typing import Any

from currents_admin import env
from currents_admin.env import BadEnvironment
from currents_admin.env_address import check_host, from_root, is_host, only, plain, read_query, split


def mail(name: str, default: str) -> dict[str, Any]:
    """Django's mail settings for `smtp://user:password@host:587?tls=1`, `smtps://…` (TLS from the first byte),
    `file:///folder` or `console://`."""
    parts = split(name, env.text(name, default))
    backend = "django.core.mail.backends."
    query = read_query(name, parts)
    if parts.scheme == "console":
        only(name, query, ())
        if parts.netloc or parts.path.strip("/"):
            raise BadEnvironment(f"{name} must be console:// alone, without anything behind it.")
        return {"EMAIL_BACKEND": backend + "console.EmailBackend"}
    if parts.scheme == "file":
        if parts.netloc or not from_root(parts.path):
            raise BadEnvironment(f"{name} must name its folder from the root: file:///folder.")
        only(name, query, ())
        folder = Path(plain(name, parts.path))
        if folder.exists() and not folder.is_dir():
            raise BadEnvironment(f"{name} must name a folder; what it names is a file.")
        return {"EMAIL_BACKEND": backend + "filebased.EmailBackend", "EMAIL_FILE_PATH": str(folder)}
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path.strip("/"):
        raise BadEnvironment(f"{name} must look like smtp://user:password@host:587?tls=1 or file:///folder.")
    check_host(name, parts)
    only(name, query, ("tls",))
    implicit = parts.scheme == "smtps"
    tls = env.as_flag(f"tls in {name}", query["tls"]) if "tls" in query else implicit
    if implicit and not tls:
        raise BadEnvironment(f"{name} says smtps, which is TLS, and tls=0: leave one of them out.")
    if parts.port == 465 and not implicit:
        raise BadEnvironment(f"{name} names port 465, where TLS begins at once: write smtps:// there.")
    return {
        "EMAIL_BACKEND": backend + "smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or (465 if implicit else 25),
        "EMAIL_HOST_USER": plain(name, parts.username or ""),
        "EMAIL_HOST_PASSWORD": plain(name, parts.password or ""),
        "EMAIL_USE_SSL": implicit,
        "EMAIL_USE_TLS": tls and not implicit,
    }


def sender(name: str, default: str) -> str:
    """Who mails are from: `currents@example.com`, or `Currents Admin <currents@example.com>`."""
    value = env.line(name, default)
    # What the parser mends in silence, a mail server need not.
    address = next(iter(getaddresses([value])))[1]
    written = value == address or (value.endswith(f"<{address}>") and len(getaddresses([value])) == 1)
    if not written or not address.rpartition("@")[0] or not is_host(address.rpartition("@")[2]):
        raise BadEnvironment(f"{name} must be one address of mail, such as Currents <currents@example.com>.")
    return value
