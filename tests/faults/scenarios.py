"""The scenarios in the order they are played; one start of the parts serves them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tests.faults import (
    answers,
    crashes,
    inner,
    kills,
    leases,
    neighbours,
    poolers,
    replays,
    slow_clients,
    sources,
