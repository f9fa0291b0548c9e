"""The database takes outcomes and verdicts that exist, and no others."""

from __future__ import annotations

import pytest
from django.db import IntegrityError
from django.utils import timezone

from exporter.destinations.answer import Verdict
from exporter.ledger.outcomes import Outcome
from exporter.models import Attempt, DeliveryTotal
from exporter.models.deliveries import OUTCOMES, VERDICTS


def test_the_database_knows_every_word() -> None:
    assert tuple(Outcome) == OUTCOMES
    assert tuple(Verdict) == VERDICTS


@pytest.mark.django_db
def test_the_database_refuses_an_outcome_nobody_knows() -> None:
    with pytest.raises(IntegrityError, match="known_outcome"):
        DeliveryTotal.objects.create(delivery_id=1, event_type="t", outcome="lost", count=1)


@pytest.mark.django_db
def test_the_database_refuses_a_verdict_nobody_knows() -> None:
    with pytest.raises(IntegrityError, match="known_verdict"):
        Attempt.objects.create(
            delivery_id=1,
            at=timezone.now(),
            verdict="wait",
            milliseconds=1,
            events=1,
            bytes=1,
            first_event=0,
            last_event=0,
        )
