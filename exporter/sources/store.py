"""Object stores by `obstore`: opened with a source's credentials, and what goes wrong told in words."""

from __future__ import annotations

import json
from datetime import timedelta
from io import RawIOBase
from typing import Any

import obstore
from django.utils.translation import gettext as _
from obstore import exceptions
from obstore.store import AzureStore, GCSStore, LocalStore, S3Store

from connectors.vault import sealing
from exporter.models import Source
from exporter.sources import access
from exporter.sources.address import Address, BadAddress, is_readable, parse

_PIECE = 4_000_000
_CLIENT = {"timeout": "60s", "connect_timeout": "5s"}
_RETRY: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}
# While a person waits, who holds a thread of the pages.
_HASTY_CLIENT = {"timeout": "4s", "connect_timeout": "2s"}
_HASTY_RETRY: Any = {"max_retries": 0, "retry_timeout": timedelta(seconds=4)}


class Trouble(Exception):
    """The store does not answer as it should; the text is a sentence."""


class Gone(Exception):
    """The object is not there any more, or is another one by now."""


class Store:
    """A source's store; names of objects are those within the bucket, container or folder."""

    def __init__(
        self, url: str, options: dict[str, str], secrets: dict[str, str], *, hasty: bool = False
    ) -> None:
        """`hasty`: one that does not answer within seconds is not waited for. Raises Trouble where it cannot even be
        opened."""
        try:
            self.address = parse(url)
            access.check(options, secrets)
            self._store: Any = _opened(self.address, options, secrets, hasty)
        except BadAddress as error:
            raise Trouble(str(error)) from error
        except (exceptions.BaseError, ValueError, TypeError) as error:
            raise Trouble(_("The store cannot be opened with these settings.")) from error

    def objects(self, prefix: str, after: str | None = None) -> Any:
        """Pages of objects in the order of their names. Raises Trouble."""
        try:
            yield from obstore.list(self._store, prefix or None, offset=after, chunk_size=1_000)
        except exceptions.BaseError as error:
            raise Trouble(_words(error)) from error

    def folders(self, prefix: str) -> list[str]:
        """Raises Trouble."""
        try:
            return [
                str(one)
                for one in obstore.list_with_delimiter(self._store, prefix or None)["common_prefixes"]
            ]
        except exceptions.BaseError as error:
            raise Trouble(_words(error)) from error

    def open(self, name: str, etag: str, size: int) -> ObjectStream:
        """Raises Trouble, Gone."""
        if self.address.kind == "file" and not is_readable(f"{self.address.place}/{name}"):
            raise Gone
        try:
            found = obstore.get(self._store, name, options={"if_match": etag} if etag else {})
            return ObjectStream(found.stream(min_chunk_size=_PIECE), size)
        except (exceptions.NotFoundError, exceptions.PreconditionError, FileNotFoundError) as error:
            raise Gone from error
        except exceptions.BaseError as error:
            raise Trouble(_words(error)) from error


class ObjectStream(RawIOBase):
    """An object's bytes, read forward. One that ends early raises Trouble: that is the line, not the object."""

    def __init__(self, pieces: Any, size: int) -> None:
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")
        self._left = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._piece:
            try:
                self._piece = memoryview(bytes(next(self._pieces)))
            except StopIteration:
                if self._left > 0:
                    raise Trouble(_("An object broke off while it was read.")) from None
                return 0
            except exceptions.BaseError as error:
                raise Trouble(_words(error)) from error
        count = min(len(buffer), len(self._piece))
        buffer[:count] = self._piece[:count]
        self._piece = self._piece[count:]
        self._left -= count
        return count


def of(source: Source) -> Store:
    """Raises Trouble."""
    secrets: dict[str, str] = {}
    if source.credentials:
        try:
            secrets = json.loads(sealing.open_sealed(bytes(source.credentials)))
        except sealing.SecretUnreadable as error:
            raise Trouble(_("The stored credentials cannot be read. Enter them again.")) from error
    return Store(source.url, source.options, secrets)


def _opened(address: Address, options: dict[str, str], secrets: dict[str, str], hasty: bool) -> Any:
    endpoint = options.get("endpoint", "")
    limits = _HASTY_CLIENT if hasty else _CLIENT
    client: Any = limits | ({"allow_http": True} if endpoint.startswith("http://") else {})
    common: dict[str, Any] = {"client_options": client, "retry_config": _HASTY_RETRY if hasty else _RETRY}
    match address.kind:
        case "file":
            return LocalStore(address.place)
        case "s3":
            config = {"region": options.get("region") or "us-east-1", "endpoint": endpoint}
            return S3Store(address.place, config=_given(config), **common, **_lent_nothing(_of_aws(secrets)))
        case "gs":
            given = {"base_url": endpoint} | secrets
            return GCSStore(address.place, config=_given(given), **common)
    config = {"account_name": options.get("account_name", ""), "endpoint": endpoint}
    return AzureStore(address.place, config=_given(config), **common, **_lent_nothing(_of_azure(secrets)))


def _lent_nothing(credentials: dict[str, str | None] | None) -> dict[str, Any]:
    """Credentials as the library takes them whole. Among its settings they would be filled up from the server's
    environment: a key that is given in part, or beside one of the server's, would sign as the server."""
    return {"credential_provider": lambda: {**credentials, "expires_at": None}} if credentials else {}


def _of_aws(secrets: dict[str, str]) -> dict[str, str | None] | None:
    if not secrets.get("access_key_id"):
        return None
    return {
        "access_key_id": secrets["access_key_id"],
        "secret_access_key": secrets.get("secret_access_key", ""),
        "token": secrets.get("session_token") or None,
    }


def _of_azure(secrets: dict[str, str]) -> dict[str, str | None] | None:
    if key := secrets.get("account_key"):
        return {"access_key": key}
    return {"sas_token": secrets["sas_key"].removeprefix("?")} if secrets.get("sas_key") else None


def _given(config: dict[str, str]) -> Any:
    return {name: value for name, value in config.items() if value}


def _words(error: Exception) -> str:
    """What to do about it. The library's own text is looked at, never shown: it may quote what was sent."""
    text = str(error)
    if isinstance(error, exceptions.NotFoundError) or "NoSuchBucket" in text or "ContainerNotFound" in text:
        return _("There is no such bucket or container. Look at its name and region.")
    if any(
        word in text
        for word in ("PermanentRedirect", "AuthorizationHeaderMalformed", "redirect without LOCATION")
    ):
        return _("The bucket is in another region. Give its region.")
    if any(word in text for word in ("SignatureDoesNotMatch", "InvalidAccessKeyId", "AuthenticationFailed")):
        return _("The key is not accepted. Enter it again.")
    if isinstance(error, exceptions.UnauthenticatedError):
        return _("The key is not accepted. Enter it again.")
    if isinstance(error, exceptions.PermissionDeniedError) or "AccessDenied" in text or " 403" in text:
        return _("Access is forbidden. The key must be allowed to list the bucket and to read its objects.")
    if isinstance(error, exceptions.InvalidPathError):
        return _("A name in the bucket cannot be read by this server.")
    return _("The store does not answer as it should. It is asked again by itself.")
