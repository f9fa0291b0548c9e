# mypy: disable-error-code="attr-defined, no-untyped-call"
"""Test data: a factory for each model of the connectors and for the exporter's rows a test plants itself."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import factory
from factory.django import DjangoModelFactory

from connectors import models
from connectors.catalogue.catalogue import CATALOGUE
from connectors.vault import sealing
from exporter import models as exporter_models


class UserFactory(DjangoModelFactory[models.User]):
    class Meta:
        model = models.User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda number: f"person{number}@example.com")
    name = factory.Faker("name")
    password = factory.django.Password("a long enough phrase")


class WorkspaceFactory(DjangoModelFactory[models.Workspace]):
    class Meta:
        model = models.Workspace

    slug = factory.Sequence(lambda number: f"workspace-{number}")
    name = factory.Sequence(lambda number: f"Workspace {number}")


class MembershipFactory(DjangoModelFactory[models.Membership]):
    class Meta:
        model = models.Membership

    workspace = factory.SubFactory(WorkspaceFactory)
    user = factory.SubFactory(UserFactory)
    role = models.Role.ADMIN


class ConnectorFactory(DjangoModelFactory[models.Connector]):
    """A connector row alone; `connectors.setup.lifecycle.launch` makes a working one."""

    class Meta:
        model = models.Connector

    workspace = factory.SubFactory(WorkspaceFactory)
    name = factory.Sequence(lambda number: f"Segment {number}")
    contact_email = "contact@example.com"
    region = models.Region.US
    selected_events = factory.LazyFunction(lambda: [event.event_type for event in CATALOGUE.events])


class WriteKeyFactory(DjangoModelFactory[models.WriteKey]):
    class Meta:
        model = models.WriteKey

    class Params:
        plain = "not-a-real-key"

    connector = factory.SubFactory(ConnectorFactory)
    ciphertext = factory.LazyAttribute(lambda built: sealing.seal(built.plain))
    last4 = factory.LazyAttribute(lambda built: built.plain[-4:])
    activated_at = factory.LazyFunction(lambda: datetime.now(UTC))


class IntakeTokenFactory(DjangoModelFactory[models.IntakeToken]):
    """`plain` is the token to send; the row holds its hash."""

    class Meta:
        model = models.IntakeToken

    class Params:
        plain = factory.LazyAttribute(lambda built: f"cur_{built.prefix}_test")

    workspace = factory.SubFactory(WorkspaceFactory)
    name = "Braze"
    prefix = factory.Sequence(lambda number: f"test{number:06d}")
    hash = factory.LazyAttribute(lambda built: sha256(built.plain.encode()).digest())
    scopes = factory.LazyFunction(lambda: list(models.Scope.values))


class AuditEntryFactory(DjangoModelFactory[models.AuditEntry]):
    class Meta:
        model = models.AuditEntry

    workspace = factory.SubFactory(WorkspaceFactory)
    actor = factory.SubFactory(UserFactory)
    actor_email = factory.SelfAttribute("actor.email")
    action = "connector.updated"


class RevisionFactory(DjangoModelFactory[exporter_models.Revision]):
    class Meta:
        model = exporter_models.Revision

    connector = factory.SubFactory(ConnectorFactory)
    selected_events = factory.SelfAttribute("connector.selected_events")
    include_anonymous = factory.SelfAttribute("connector.include_anonymous")
    region = factory.SelfAttribute("connector.region")
    write_key = factory.LazyAttribute(lambda built: WriteKeyFactory(connector=built.connector))
    catalogue_version = CATALOGUE.version


class DeliveryFactory(DjangoModelFactory[exporter_models.Delivery]):
    class Meta:
        model = exporter_models.Delivery

    connector = factory.SubFactory(ConnectorFactory)
    workspace = factory.SelfAttribute("connector.workspace")
    kind = exporter_models.DeliveryKind.LIVE
    start = 0
    cursor = factory.SelfAttribute("start")


class AttemptFactory(DjangoModelFactory[exporter_models.Attempt]):
    class Meta:
        model = exporter_models.Attempt

    delivery = factory.SubFactory(DeliveryFactory)
    at = factory.LazyFunction(lambda: datetime.now(UTC))
    status = 200
    verdict = "accepted"
    milliseconds = 12
    events = 500
    bytes = 385_000
    first_event = 0
    last_event = 499


class RejectedEventFactory(DjangoModelFactory[exporter_models.RejectedEvent]):
    class Meta:
        model = exporter_models.RejectedEvent

    workspace = factory.SubFactory(WorkspaceFactory)
    event_id = factory.Sequence(lambda number: f"rejected-{number}")
    event_type = "users.messages.email.Open"
    event = b"{}"
    id_hash = factory.LazyAttribute(lambda built: sha256(built.event_id.encode()).digest()[:8])
    reason = "time is missing. Send it as UNIX seconds."


class IncidentFactory(DjangoModelFactory[exporter_models.Incident]):
    class Meta:
        model = exporter_models.Incident

    connector = factory.SubFactory(ConnectorFactory)
    reason = "key_rejected"
    opened_at = factory.LazyFunction(lambda: datetime.now(UTC))


def event(number: int, **fields: Any) -> dict[str, Any]:
    """A small flat event with an id of its own; a field given as None is left out."""
    made = {
        "event_type": "users.messages.email.Open",
        "id": f"event-{number}",
        "time": 1_700_000_000 + number % 1_000,
        "user_id": f"user-{number % 7}",
        "external_user_id": f"customer-{number % 7}",
        "campaign_name": "Spring Sale",
    } | fields
    return {name: value for name, value in made.items() if value is not None}
