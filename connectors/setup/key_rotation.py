"""Rotating a write key in steps: propose, try, switch, roll back. Also what becomes of keys that are no longer in use.

`connectors.setup.lifecycle.rotate` does it in one step. A proposed key is stored encrypted and belongs to the person
who typed it.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from connectors import ports
from connectors.audit.actions import AuditAction
from connectors.audit.actor import SYSTEM, By
from connectors.audit.record import record
from connectors.models import Connector, User, WriteKey
from connectors.setup import lifecycle
from connectors.setup.key_standing import Known, Standing, known, known_of
from connectors.setup.lifecycle import KeyChanged

# How long a replaced key is kept for rolling back, and a proposed one for being used.
KEPT = timedelta(hours=24)


class NothingProposed(Exception):
    """This person has no proposed key, or no longer has one."""


class NoWayBack(Exception):
    """The previous key has been destroyed already, or there never was one."""


class KeyRejected(Exception):
    """Segment rejected this key when it was last used; `known` holds when."""

    def __init__(self, known: Known) -> None:
        super().__init__("The key was rejected.")
        self.known = known


class NothingToSee(Exception):
    """No event sent with this key has been accepted, so nobody can have seen one in Segment."""


def propose(connector: Connector, *, write_key: str, region: str, by: By) -> WriteKey:
    """Stores a key that is not in use yet; it replaces the one this person proposed before.

    Raises:
        SameKey: it is already in use, for the same region.
    """
    with transaction.atomic():
        current = lifecycle.locked(connector)
        lifecycle.check_new_key(current, write_key, region, None)
        proposals(current, by.user).delete()
        key = lifecycle.new_key(current, write_key, region, by)
        key.save()
        _record(
            AuditAction.WRITE_KEY_PROPOSED,
            current,
            by,
            after={"write_key": f"••••{key.last4}", "region": region},
        )
    return key


def proposals(connector: Connector, user: User | None) -> Any:
    return connector.write_keys.filter(activated_at__isnull=True, created_by=user)


def proposed(connector: Connector, user: User | None) -> WriteKey | None:
    fresh: WriteKey | None = (
        proposals(connector, user).filter(created_at__gt=timezone.now() - KEPT).order_by("-pk").first()
    )
    return fresh


def discard(connector: Connector, by: By) -> None:
    with transaction.atomic():
        current = lifecycle.locked(connector)
        for key in proposals(current, by.user):
            _record(AuditAction.WRITE_KEY_DISCARDED, current, by, before={"write_key": f"••••{key.last4}"})
            key.delete()


def switch(connector: Connector, *, key_id: int, seen: int | None, by: By, anyway: bool = False) -> Connector:
    """Switches to the proposed key.

    Raises:
        NothingProposed: that key is not, or no longer, proposed.
        KeyChanged: the key in use is not `seen`.
        KeyRejected: its test events were rejected, and `anyway` is not set.
    """
    with transaction.atomic():
        current = lifecycle.locked(connector)
        key = _held(proposed(current, by.user))
        if key is None or key.pk != key_id:
            raise NothingProposed
        _check_seen(current, seen)
        _check_standing(current, key, anyway)
        lifecycle.switch_to(current, key, by, AuditAction.WRITE_KEY_ROTATED)
    return current


def former(connector: Connector, now: datetime | None = None) -> WriteKey | None:
    """The key that can be rolled back to, for a day: the last one replaced, preferably one that was not rejected."""
    since = (now or timezone.now()) - KEPT
    kept = connector.write_keys.filter(
        retired_at__gt=since, destroyed_at__isnull=True, activated_at__isnull=False
    )
    keys, answers = list(kept.order_by("-retired_at")), ports.key_answers(connector)
    good = [key for key in keys if not known(key, answers.get(key.pk)).rejected]
    return next(iter(good or keys), None)


def roll_back(connector: Connector, *, seen: int | None, by: By, anyway: bool = False) -> Connector:
    """Switches back to the previous key, with its region.

    Raises:
        NoWayBack: there is none, or no longer one.
        KeyChanged: the key in use is not `seen`.
        KeyRejected: Segment rejected it when it was last used, and `anyway` is not set.
    """
    with transaction.atomic():
        current = lifecycle.locked(connector)
        _check_seen(current, seen)
        key = _held(former(current))
        if key is None:
            raise NoWayBack
        _check_standing(current, key, anyway)
        lifecycle.switch_to(current, key, by, AuditAction.WRITE_KEY_ROLLED_BACK)
    return current


def confirm(key: WriteKey, by: By) -> None:
    """Records that somebody saw the key's test events in Segment's debugger; only the first time counts.

    Raises:
        KeyRejected: Segment rejected the key when it was last used.
        NothingToSee: no event was ever accepted with it.
    """
    with transaction.atomic():
        found = known_of(key.connector, key)
        if found.rejected:
            raise KeyRejected(found)
        if found.standing is Standing.UNTRIED:
            raise NothingToSee
        told = WriteKey.objects.filter(pk=key.pk, verified_at__isnull=True).update(
            verified_at=timezone.now(), verified_by=by.user
        )
        if told:
            _record(
                AuditAction.WRITE_KEY_VERIFIED, key.connector, by, after={"write_key": f"••••{key.last4}"}
            )


def note_answers(key: WriteKey, answers: list[dict[str, Any]], by: By) -> None:
    """Stores how Segment answered this key's test events: event type, message id, status or fault, milliseconds.

    Raises:
        Connector.DoesNotExist: it was deleted while they were under way.
    """
    with transaction.atomic():
        key.test_answers, key.tested_at = answers, timezone.now()
        if not WriteKey.objects.filter(pk=key.pk).update(test_answers=answers, tested_at=key.tested_at):
            raise Connector.DoesNotExist
        after = {"write_key": f"••••{key.last4}", "sent": key.sent_tests, "accepted": key.accepted_tests}
        _record(AuditAction.WRITE_KEY_TESTED, key.connector, by, after=after)


def note_rejected(key_id: int, *, anew: bool) -> None:
    """Records that Segment answered this key with 401 or 403. `anew`: it had accepted the key until now; otherwise an
    earlier time stays, unless the key has come in use again since."""
    keys = WriteKey.objects.filter(pk=key_id)
    if not anew:
        keys = keys.filter(Q(rejected_at__isnull=True) | Q(rejected_at__lt=F("activated_at")))
    keys.update(rejected_at=Now())


def remind(connector: Connector, day: date | None, by: By) -> None:
    """Sets or clears the day the key should be replaced by."""
    with transaction.atomic():
        current = lifecycle.locked(connector)
        if current.key_reminder_on == day:
            return
        before = {"key_reminder_on": str(current.key_reminder_on or "")}
        current.key_reminder_on = day
        current.key_reminded_at = current.key_reminder_claimed_until = None
        current.save(update_fields=["key_reminder_on", "key_reminded_at", "key_reminder_claimed_until"])
        _record(
            AuditAction.WRITE_KEY_REMINDER,
            current,
            by,
            before=before,
            after={"key_reminder_on": str(day or "")},
        )


def destroy_old(now: datetime | None = None) -> int:
    """Destroys keys that have been out of use for more than a day and returns how many."""
    moment = now or timezone.now()
    with transaction.atomic():
        dropped, _by_model = WriteKey.objects.filter(
            activated_at__isnull=True, created_at__lte=moment - KEPT
        ).delete()
        rows = WriteKey.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            Q(retired_at__lte=moment - KEPT), destroyed_at__isnull=True
        )
        destroyed = list(rows.select_related("connector__workspace"))
        for key in destroyed:
            key.ciphertext, key.destroyed_at = b"", moment
            key.save(update_fields=["ciphertext", "destroyed_at"])
            _record(
                AuditAction.WRITE_KEY_DESTROYED,
                key.connector,
                SYSTEM,
                before={"write_key": f"••••{key.last4}"},
            )
    return dropped + len(destroyed)


def _held(key: WriteKey | None) -> WriteKey | None:
    """The key as it is now, locked; None where it has just been destroyed."""
    if key is None:
        return None
    there = WriteKey.objects.filter(pk=key.pk, destroyed_at__isnull=True)
    return there.select_for_update(no_key=True).first()


def _check_seen(current: Connector, seen: int | None) -> None:
    in_use = lifecycle.key_in_use(current)
    if seen is not None and (in_use is None or in_use.pk != seen):
        raise KeyChanged(in_use)


def _check_standing(current: Connector, key: WriteKey, anyway: bool) -> None:
    if not anyway and (found := known_of(current, key)).rejected:
        raise KeyRejected(found)


def _record(
    action: AuditAction,
    connector: Connector,
    by: By,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    record(
        action,
        by,
        workspace=connector.workspace,
        target=connector.name,
        before=before,
        after=after,
    )
