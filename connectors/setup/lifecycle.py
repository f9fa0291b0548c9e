"""The life of a connector: every change a person can make, each in one transaction with its audit entry and its
port. Views, commands and tests change connectors only through these functions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone, translation

from connectors import ports
from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Connector, ConnectorState, ConnectorType, Workspace, WriteKey
from connectors.vault import sealing
from connectors.workspaces.archived import hold_open

# The settings' names, as the form and the table have them.
EDITED = ("name", "contact_email", "language", "weekly_mail", "selected_events", "include_anonymous")


class TypeTaken(Exception):
    """The workspace already has a connector of this type; `standing` is that connector."""

    def __init__(self, standing: Connector) -> None:
        super().__init__(f"This workspace already has “{standing.name}”.")
        self.standing = standing


class SameKey(Exception):
    """The new write key is the one already in use."""


class KeyChanged(Exception):
    """Somebody else has changed the write key in the meantime; `current` is the one in use."""

    def __init__(self, current: WriteKey | None) -> None:
        super().__init__("The write key has been changed in the meantime.")
        self.current = current


class Outdated(Exception):
    """Somebody has changed the connector since the form was opened; `current` is its present state."""

    def __init__(self, current: Connector) -> None:
        super().__init__("The connector has been changed in the meantime.")
        self.current = current


@dataclass(frozen=True, slots=True)
class Settings:
    """What the edit form holds. `language` is that of mails to the contact: empty leaves it as it is, and at the launch
    makes it the language of whoever launches."""

    name: str
    contact_email: str
    selected_events: list[str]
    include_anonymous: bool
    language: str = ""
    weekly_mail: bool = False


def describe(connector: Connector) -> dict[str, Any]:
    """The connector's settings for the audit log; no secret."""
    return {
        "name": connector.name,
        "contact_email": connector.contact_email,
        "language": connector.language,
        "weekly_mail": connector.weekly_mail,
        "region": connector.region,
        "selected_events": sorted(connector.selected_events),
        "include_anonymous": connector.include_anonymous,
        "state": connector.state,
    }


def launch(workspace: Workspace, settings: Settings, *, region: str, write_key: str, by: By) -> Connector:
    """Creates a connector with its first write key; it exports from the first event accepted after the commit.

    Raises:
        TypeTaken: the workspace already has one of this type; also when two people launch at the same time.
        Archived: the workspace is closed.
    """
    try:
        with transaction.atomic():
            hold_open(workspace)
            connector = Connector.objects.create(
                workspace=workspace,
                type=ConnectorType.SEGMENT,
                name=settings.name,
                contact_email=settings.contact_email,
                language=settings.language or translation.get_language() or "",
                weekly_mail=settings.weekly_mail,
                region=region,
                selected_events=sorted(settings.selected_events),
                include_anonymous=settings.include_anonymous,
                created_by=by.user,
                changed_by=by.user,
            )
            key = new_key(connector, write_key, region, by)
            key.activated_at = key.created_at
            key.save()
            record(
                AuditAction.CONNECTOR_LAUNCHED,
                by,
                workspace=workspace,
                target=connector.name,
                after=describe(connector) | {"write_key": f"••••{key.last4}"},
            )
            ports.launched(connector)
    except IntegrityError as error:
        standing = Connector.objects.filter(workspace=workspace, type=ConnectorType.SEGMENT).first()
        if standing is None or "one_connector_of_a_type_per_workspace" not in str(error):
            raise
        raise TypeTaken(standing) from None
    return connector


def update(connector: Connector, settings: Settings, *, seen_version: int, by: By) -> Connector:
    """Changes name, contact and how it is written to, selected events and the rule for anonymous users.

    Raises:
        Outdated: the connector is no longer the version the form was made from.
    """
    with transaction.atomic():
        current = locked(connector)
        if current.version != seen_version:
            raise Outdated(current)
        before = describe(current)
        current.name = settings.name
        current.contact_email = settings.contact_email
        current.language = settings.language or current.language
        current.weekly_mail = settings.weekly_mail
        current.selected_events = sorted(settings.selected_events)
        current.include_anonymous = settings.include_anonymous
        _save(current, by, *EDITED)
        record_change(AuditAction.CONNECTOR_UPDATED, current, before, describe(current), by)
        ports.changed(current)
    return current


def pause(connector: Connector, *, by: By) -> Connector:
    """Stops sending after the bodies in flight; does nothing if it is paused already."""
    with transaction.atomic():
        current = locked(connector)
        if current.state == ConnectorState.LIVE:
            before = describe(current)
            current.state, current.paused_at, current.paused_by = (
                ConnectorState.PAUSED,
                timezone.now(),
                by.user,
            )
            _save(current, by, "state", "paused_at", "paused_by")
            record_change(AuditAction.CONNECTOR_PAUSED, current, before, describe(current), by)
            ports.changed(current)
    return current


def resume(connector: Connector, *, by: By) -> Connector:
    """Resumes sending at once."""
    with transaction.atomic():
        current = locked(connector)
        if current.state == ConnectorState.PAUSED:
            before = describe(current)
            current.state, current.paused_at, current.paused_by = ConnectorState.LIVE, None, None
            _save(current, by, "state", "paused_at", "paused_by")
            record_change(AuditAction.CONNECTOR_RESUMED, current, before, describe(current), by)
            ports.resumed(current)
    return current


def rotate(
    connector: Connector, *, write_key: str, region: str, by: By, seen: int | None = None
) -> Connector:
    """Switches to another write key and region: the next request uses them.

    Raises:
        SameKey: it is already in use, for the same region.
        KeyChanged: the key in use is not `seen`: somebody else was quicker.
    """
    with transaction.atomic():
        current = locked(connector)
        check_new_key(current, write_key, region, seen)
        switch_to(current, new_key(current, write_key, region, by), by, AuditAction.WRITE_KEY_ROTATED)
    return current


def check_new_key(current: Connector, write_key: str, region: str, seen: int | None) -> None:
    """Raises `SameKey` or `KeyChanged`. A key that cannot be read is different from every other."""
    old = key_in_use(current)
    if seen is not None and (old is None or old.pk != seen):
        raise KeyChanged(old)
    if old is None or region != current.region:
        return
    try:
        same = secrets.compare_digest(sealing.unseal(old).encode(), write_key.encode())
    except sealing.SecretUnreadable:
        return
    if same:
        raise SameKey


def key_in_use(connector: Connector) -> WriteKey | None:
    return connector.write_keys.filter(activated_at__isnull=False, retired_at__isnull=True).first()


def new_key(connector: Connector, write_key: str, region: str, by: By) -> WriteKey:
    """An encrypted key that is neither stored nor in use yet."""
    return WriteKey(
        connector=connector,
        ciphertext=sealing.seal(write_key),
        last4=write_key[-4:],
        fingerprint=sealing.fingerprint(write_key),
        region=region,
        created_by=by.user,
    )


def switch_to(current: Connector, key: WriteKey, by: By, action: AuditAction) -> None:
    """Switches to a key, under the caller's lock and in its transaction; the previous one is kept encrypted."""
    before, now = describe(current), timezone.now()
    old = key_in_use(current)
    alike = old is not None and old.last4 == key.last4
    if old is not None:
        before["write_key"] = _named(old, alike=alike)
        old.retired_at, old.retired_by = now, by.user
        old.rolled_back = action == AuditAction.WRITE_KEY_ROLLED_BACK
        old.save(update_fields=["retired_at", "retired_by", "rolled_back"])
    key.activated_at, key.retired_at, key.retired_by = now, None, None
    key.save(update_fields=["activated_at", "retired_at", "retired_by"] if key.pk else None)
    current.region = key.region
    current.key_reminder_on = current.key_reminded_at = None
    _save(current, by, "region", "key_reminder_on", "key_reminded_at")
    after = describe(current) | {"write_key": _named(key, alike=alike)}
    record_change(action, current, before, after, by)
    ports.key_rotated(current)


def _named(key: WriteKey, *, alike: bool) -> str:
    """By its last four characters; `alike` are keys whose fingerprint alone tells them apart."""
    return f"••••{key.last4} {key.fingerprint}" if alike else f"••••{key.last4}"


def delete(connector: Connector, *, by: By, pending: int | None = None) -> None:
    """Deletes the connector with its keys and its ledger; the log stays. `pending` goes into the audit log. What may be
    millions of rows goes later, by a chore."""
    with transaction.atomic():
        current = locked(connector)
        record(
            AuditAction.CONNECTOR_DELETED,
            by,
            workspace=current.workspace,
            target=current.name,
            before=describe(current) | ({} if pending is None else {"pending": pending}),
        )
        ports.deleted(current)
        current.delete()


def locked(connector: Connector) -> Connector:
    """The connector's present state, locked until the end of the transaction; its workspace is not, for rejected events
    that are settled meanwhile name it."""
    return Connector.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=connector.pk)


def _save(connector: Connector, by: By, *fields: str) -> None:
    connector.version += 1
    connector.changed_by, connector.changed_at = by.user, timezone.now()
    connector.save(update_fields=[*fields, "version", "changed_by", "changed_at"])


def record_change(
    action: AuditAction, connector: Connector, before: dict[str, Any], after: dict[str, Any], by: By
) -> None:
    """Records what differs between two states."""
    changed = [name for name in after if after[name] != before.get(name)]
    record(
        action,
        by,
        workspace=connector.workspace,
        target=connector.name,
        before={name: before[name] for name in changed if name in before},
        after={name: after[name] for name in changed},
    )
