"""Addresses of sources: what kind they are, and that nothing leads out of the folders the server may read."""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,221}")


class BadAddress(Exception):
    """The text is one sentence that says what to give; `field` is which of a source's fields it is about."""

    def __init__(self, sentence: str, field: str = "url") -> None:
        super().__init__(sentence)
        self.field = field


class Address(NamedTuple):
    """`kind` is s3, gs, az or file; `place` the bucket, container or folder; `prefix` what names begin with."""

    kind: str
    place: str
    prefix: str


def parse(url: str) -> Address:
    """Raises BadAddress."""
    try:
        # Line breaks would be left out in silence, and what is no UTF-8 would be another name.
        parts = urlsplit(url.strip())
        path = unquote(parts.path, errors="strict")
        if not url.strip().isprintable():
            raise ValueError
    except ValueError:
        raise BadAddress(_("This is no address. Give for instance s3://bucket/prefix.")) from None
    if parts.query or parts.fragment or "@" in parts.netloc:
        raise BadAddress(_("Give the address without “?”, “#” or a user; keys have fields of their own."))
    if parts.scheme == "file":
        return _folder(parts.netloc, path)
    if parts.scheme not in ("s3", "gs", "az"):
        raise BadAddress(_("Give an address that begins with s3://, gs://, az:// or file:///."))
    if not _BUCKET.fullmatch(parts.netloc):
        raise BadAddress(_("The name of the bucket is missing. Give for instance s3://bucket/prefix."))
    return Address(parts.scheme, parts.netloc, path.strip("/"))


def _folder(host: str, path: str) -> Address:
    if host or not path.startswith("/") or "\x00" in path:
        raise BadAddress(_("Give the folder from the root: file:///folder."))
    if not is_readable(path):
        raise BadAddress(
            _("This folder is not below one of CURRENTS_SOURCE_FOLDERS, where the server may read.")
        )
    # Path.is_dir would raise where a name is too long, or a folder above is closed.
    if not os.path.isdir(path):
        raise BadAddress(_("There is no such folder on the server."))
    return Address("file", os.path.realpath(path), "")


def is_readable(path: str) -> bool:
    """Whether a path, with all its links followed, lies where the server may read."""
    real = os.path.realpath(path)
    folders = [os.path.realpath(folder) for folder in settings.CURRENTS_SOURCE_FOLDERS]
    return any(os.path.commonpath((real, folder)) == folder for folder in folders)
