"""A lease is renewed in time, and its holder's clock decides when."""

from __future__ import annotations

import time

import pytest
from django.conf import settings

from exporter.delivery.lease import Lease
from tests.support.delivering import a_line

pytestmark = pytest.mark.django_db(transaction=True)


def test_renewal_is_wanted_once_a_third_of_the_term_has_passed() -> None:
    with a_line() as line:
        held = Lease.take(line.delivery.pk)
        assert held is not None
        third = settings.CURRENTS_LEASE_SECONDS / 3
        held.until = time.monotonic() + 2 * third + 1
        before = held.wants_renewal
        held.until = time.monotonic() + 2 * third - 0.1
        assert (before, held.wants_renewal) == (False, True)
        held.release()
