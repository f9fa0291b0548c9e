"""Sources: added, paused, resumed, removed by people; each with its entry in the audit log."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from connectors.audit.actions import AuditAction
from connectors.audit.actor import By
from connectors.audit.record import record
from connectors.models import Workspace
from connectors.vault import sealing
from connectors.workspaces.archived import hold_open
from exporter import sql
from exporter.dispatch import wakeup
from exporter.models import Source, SourceObject
from exporter.models.sources import Begin, Taken
from exporter.sources import access, address
from exporter.sources.listing import Listing
from exporter.sources.store import Store, Trouble

_TASK = "exporter.tasks.follow"
_FIRST = 5
_FORGOTTEN_AT_ONCE = 50_000
# A bucket may hold any number of names that are no events'.
CHECK_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person asks for. `secrets` bears the provider's names without its own, such as `access_key_id`; where they
    are empty the server's own are used."""

    url: str
    begin: Begin = Begin.NOW
    day: datetime | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)


class Standing(Exception):
    """The workspace follows this address already."""


def add(workspace: Workspace, wish: Wish, by: By) -> Source:
    """Follows from now on.

    Raises:
        BadAddress, Standing, Archived.
    """
    _check(wish)
    try:
        with transaction.atomic():
            hold_open(workspace)
            made = Source.objects.create(
                workspace=workspace,
                url=wish.url.strip().rstrip("/"),
                options=_given(wish.options),
                credentials=_sealed(wish.secrets),
                begin=wish.begin,
                since={Begin.NOW: sql.clock(), Begin.DAY: wish.day}.get(wish.begin),
            )
            told = {"from": wish.begin} | ({"day": wish.day.isoformat()} if wish.day else {})
            record(AuditAction.SOURCE_ADDED, by, workspace=workspace, target=made.url, after=told)
            transaction.on_commit(lambda: wakeup.wake_chore(_TASK, made.pk))
    except IntegrityError as error:
        if "one_source_of_an_address" not in str(error):
            raise
        raise Standing from None
    return made


def check(wish: Wish) -> list[str]:
    """The names of the first objects that would be taken.

    Raises:
        BadAddress, Trouble: what is wrong, in a sentence.
    """
    _check(wish)
    store = Store(wish.url, dict(_given(wish.options)), dict(_given(wish.secrets)), hasty=True)
    for page in Listing(store, Source(begin=Begin.BEGINNING), sql.clock()).pages(CHECK_SECONDS):
        return [one.name for one in page[:_FIRST]]
    raise Trouble(_("Nothing there holds events: look at the prefix. Names end in .avro, .json or .ndjson."))


def change_credentials(
    source: Source, secrets: Mapping[str, str], options: Mapping[str, str], by: By
) -> None:
    """Goes on with other credentials at once. Raises BadAddress."""
    access.check(_given(options), _given(secrets))
    with transaction.atomic():
        Source.objects.filter(pk=source.pk).update(
            credentials=_sealed(secrets), options=_given(options), next_look_at=None
        )
        record(AuditAction.SOURCE_CHANGED, by, workspace=source.workspace, target=source.url)
        transaction.on_commit(lambda: wakeup.wake_chore(_TASK, source.pk))


def pause(source: Source, by: By) -> None:
    with transaction.atomic():
        if Source.objects.filter(pk=source.pk, paused=False).update(paused=True):
            record(AuditAction.SOURCE_PAUSED, by, workspace=source.workspace, target=source.url)


def resume(source: Source, by: By) -> None:
    with transaction.atomic():
        if Source.objects.filter(pk=source.pk, paused=True).update(paused=False, next_look_at=None):
            record(AuditAction.SOURCE_RESUMED, by, workspace=source.workspace, target=source.url)
            transaction.on_commit(lambda: wakeup.wake_chore(_TASK, source.pk))


def remove(source: Source, by: By) -> None:
    """Forgets the source and which objects it took; their events stay in the log."""
    with transaction.atomic():
        current = _locked(source)
        record(AuditAction.SOURCE_REMOVED, by, workspace=current.workspace, target=current.url)
        # A bucket's objects may be millions, and a page waits for no statement longer than four seconds.
        while _forget_some(current) == _FORGOTTEN_AT_ONCE:
            pass
        current.delete()


def _forget_some(source: Source) -> int:
    some = source.entries.values("pk")[:_FORGOTTEN_AT_ONCE]
    return SourceObject.objects.filter(pk__in=some).delete()[0]


def retry(source: Source, by: By) -> int:
    """Takes the objects that were set aside once more, each from where it stopped; how many there are."""
    with transaction.atomic():
        _locked(source)
        waiting = source.entries.filter(state=Taken.SET_ASIDE).update(state=Taken.WAITING, trouble="")
        if waiting:
            Source.objects.filter(pk=source.pk).update(next_look_at=None)
            told = {"objects": waiting}
            record(AuditAction.SOURCE_RETRIED, by, workspace=source.workspace, target=source.url, after=told)
            transaction.on_commit(lambda: wakeup.wake_chore(_TASK, source.pk))
    return waiting


def _locked(source: Source) -> Source:
    """Before its objects, as whoever takes them has it. While it is locked no object is found that names it."""
    return Source.objects.select_for_update(of=("self",)).select_related("workspace").get(pk=source.pk)


def _check(wish: Wish) -> None:
    """Raises BadAddress."""
    address.parse(wish.url)
    access.check(_given(wish.options), _given(wish.secrets))


def _given(fields: Mapping[str, str]) -> dict[str, str]:
    return {name: value.strip() for name, value in fields.items() if value.strip()}


def _sealed(secrets: Mapping[str, str]) -> bytes:
    given = _given(secrets)
    return sealing.seal(json.dumps(given)) if given else b""
