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
    tenants,
)
from tests.faults.row import Row
from tests.faults.stage import Stage

Scenario = Callable[[Stage], list[Row]]

SCENARIOS: Mapping[str, Scenario] = {
    "answers": answers.bad_answers,
    "neighbours": neighbours.sick_neighbours,
    "damage": inner.damaged_batch,
    "bug": inner.injected_bug,
    "halving": inner.stopped_while_halving,
    "hanging": tenants.a_fifth_hangs,
    "tenants": tenants.workers_killed,
    "kills": kills.standard_run,
    "full-speed": kills.full_speed,
    "replays": replays.replays,
    "bucket": sources.bucket,
    "retry-worker": crashes.retry_worker_killed,
    "web": crashes.web_killed,
    "beat": crashes.beat_killed,
    "redis-killed": crashes.redis_killed,
    "redis-emptied": crashes.redis_emptied,
    "two-workers": leases.two_workers,
    "frozen": leases.frozen_worker,
    "postgres": crashes.postgres_killed,
    "pooler": poolers.behind_pooler,
    "slow-clients": slow_clients.slow_clients,
    "frozen-postgres": slow_clients.frozen_postgres,
    "stopped": crashes.everything_stopped,
}
