"""Many tenants: workspaces with a live connector and a token each, written row by row of their tables, because ten
thousand launches would take longer than what is measured."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from django.utils import timezone

from benchmarks import events
from connectors.catalogue.catalogue import ALL, CATALOGUE
from connectors.models import Connector, IntakeToken, Scope, Workspace, WriteKey
from connectors.vault import sealing
from exporter.intake import appender
from exporter.models import Delivery, EventLog, LogMark, Revision


@dataclass(frozen=True, slots=True)
class Tenant:
    workspace: int
    connector: int
    delivery: int
    token: str


def tenants(count: int, key: str = "") -> list[Tenant]:
    """`count` of them; their write keys begin with `key`."""
    run = secrets.token_hex(3)
    names = [f"many-{run}-{number}" for number in range(count)]
    workspaces = Workspace.objects.bulk_create([Workspace(slug=name, name=name) for name in names])
    chosen = sorted(ALL)
    connectors = Connector.objects.bulk_create(
        Connector(
            workspace=one,
            name=one.name,
            contact_email="bench@example.com",
            region="us",
            selected_events=chosen,
            include_anonymous=True,
        )
        for one in workspaces
    )
    plain = key + secrets.token_hex(12)
    keys = WriteKey.objects.bulk_create(
        WriteKey(connector=one, ciphertext=sealing.seal(plain), last4=plain[-4:], activated_at=timezone.now())
        for one in connectors
    )
    Revision.objects.bulk_create(
        Revision(
            connector=one,
            selected_events=chosen,
            include_anonymous=True,
            region="us",
            write_key=its,
            catalogue_version=CATALOGUE.version,
        )
        for one, its in zip(connectors, keys, strict=True)
    )
    EventLog.objects.bulk_create(EventLog(workspace=one) for one in workspaces)
    LogMark.objects.bulk_create(LogMark(workspace=one) for one in workspaces)
    deliveries = Delivery.objects.bulk_create(
        Delivery(connector=one, workspace_id=one.workspace_id, start=0, cursor=0) for one in connectors
    )
    return [
        Tenant(workspace.pk, connector.pk, delivery.pk, token)
        for workspace, connector, delivery, token in zip(
            workspaces, connectors, deliveries, _tokens(workspaces), strict=True
        )
    ]


def _tokens(workspaces: list[Workspace]) -> list[str]:
    plain = [f"cur_{secrets.token_hex(5)}_{secrets.token_urlsafe(32)}" for _ in workspaces]
    IntakeToken.objects.bulk_create(
        IntakeToken(
            workspace=workspace,
            name="bench",
            prefix=token.split("_")[1],
            hash=sha256(token.encode()).digest(),
            scopes=[Scope.INTAKE],
        )
        for workspace, token in zip(workspaces, plain, strict=True)
    )
    return plain


def write_tokens(path: Path, made: list[Tenant]) -> str:
    path.write_text("".join(f"{one.token}\n" for one in made))
    return str(path)


def give_each_one_event(made: list[Tenant]) -> None:
    run = secrets.token_hex(4)
    source = (one for group in events.incoming(run, len(made)) for one in group)
    for tenant in made:
        appender.append_now(tenant.workspace, [next(source)])


def remove(made: list[Tenant]) -> None:
    """Nothing of theirs is delivered any more."""
    Connector.objects.filter(pk__in=[one.connector for one in made]).delete()
