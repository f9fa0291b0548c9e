"""What a person may say beside a source's address, and where that leads: a key is a key, a region part of a name, and
the server asks no address that nobody who runs it has named.

A store at an address of somebody's own could send the server on to what only the server can reach, such as the place
where a cloud keeps a machine's credentials, and have what was found there shown as events.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from django.conf import settings
from django.utils.translation import gettext as _

from exporter.sources.address import BadAddress

# Parts of a host's name: https://s3.<region>.amazonaws.com, https://<account>.blob.core.windows.net.
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
# What fits into a header.
_KEY = re.compile(r"[\x21-\x7e]+")
_PAIR = ("access_key_id", "secret_access_key")
_SERVICE_ACCOUNT = "service_account_key"


def check(options: Mapping[str, str], secrets: Mapping[str, str]) -> None:
    """Raises BadAddress."""
    if (region := options.get("region")) and not _REGION.fullmatch(region):
        raise BadAddress(_("A region looks like eu-central-1."), "region")
    if (account := options.get("account_name")) and not _ACCOUNT.fullmatch(account):
        raise BadAddress(
            _("The name of a storage account has 3 to 24 small letters and digits."), "account_name"
        )
    if endpoint := options.get("endpoint"):
        _check_endpoint(endpoint, "endpoint")
    for name, other in (_PAIR, _PAIR[::-1]):
        if secrets.get(other) and not secrets.get(name):
            raise BadAddress(_("Enter the key of an account that may read this bucket."), name)
    for name, secret in secrets.items():
        if name == _SERVICE_ACCOUNT:
            _check_service_account(secret)
        elif secret and not _KEY.fullmatch(secret):
            raise BadAddress(_("A key has no blanks and no line breaks. Enter it again."), name)


def _check_endpoint(endpoint: str, field: str) -> None:
    """The operator's list is asked at every use, not once: what is taken off it is not asked any more."""
    if _plain(endpoint) not in map(_plain, settings.CURRENTS_SOURCE_ENDPOINTS):
        raise BadAddress(
            _(
                "The server may not ask this endpoint. Whoever runs it can allow it: CURRENTS_SOURCE_ENDPOINTS."
            ),
            field,
        )


def _check_service_account(secret: str) -> None:
    """Google's file may name an address, too."""
    try:
        told = json.loads(secret) if secret else {}
    except (ValueError, RecursionError):
        told = None
    if not isinstance(told, dict):
        raise BadAddress(_("A service account key is a JSON object, as Google gives it."), _SERVICE_ACCOUNT)
    if base := told.get("gcs_base_url"):
        _check_endpoint(str(base), _SERVICE_ACCOUNT)


def _plain(url: str) -> str:
    return url.strip().rstrip("/").lower()
