"""Arguments of the commands."""

from __future__ import annotations

import argparse

from django.utils.translation import gettext as _


def text(value: str) -> str:
    """A `type` for arguments that are stored or looked up: bytes that are no UTF-8 reach a command as surrogates, which
    the database does not take."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise argparse.ArgumentTypeError(_("it must be text in UTF-8")) from None
    if "\0" in value:
        raise argparse.ArgumentTypeError(_("it must be text without NUL"))
    return value
