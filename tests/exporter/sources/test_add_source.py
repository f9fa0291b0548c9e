"""Sources from the command line, paused and removed."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from connectors.models import AuditEntry, Workspace
from exporter.actions import sources
from exporter.log import event_log
from exporter.models import Source, SourceObject
from exporter.sources import following
from exporter.sources.following import FollowTurn, follow
from tests.exporter.sources.test_following import NOBODY, bucket, placed, server, some, workspace
from tests.support.buckets import KEY, KEY_ID, Bucket

__all__ = ["bucket", "server", "workspace"]

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_command_follows_with_what_stands_in_the_environment(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put(placed("part-1"), some(0))
    given = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_ENDPOINT_URL": bucket.url,
        "AWS_REGION": "us-east-1",
    }
    with monkeypatch.context() as there:
        for name, value in given.items():
            there.setenv(name, value)
        call_command(
            "add_source", f"s3://{bucket.name}", "--workspace", workspace.slug, "--from", "beginning"
        )
        with pytest.raises(CommandError, match="already"):
            call_command("add_source", f"s3://{bucket.name}", "--workspace", workspace.slug)
        with pytest.raises(CommandError, match="2026-11-25"):
            call_command(
                "add_source", f"s3://{bucket.name}", "--workspace", workspace.slug, "--from", "yesterday"
            )
    assert follow(Source.objects.get().pk) is FollowTurn.IDLE
    assert event_log.head(workspace.pk) == 3


def test_a_paused_source_rests_and_a_removed_one_is_gone(workspace: Workspace, bucket: Bucket) -> None:
    source = sources.add(workspace, bucket.wish(), NOBODY)
    assert following.due() == [source.pk]
    sources.pause(source, NOBODY)
    assert following.due() == []
    assert follow(source.pk) is FollowTurn.HELD
    sources.resume(source, NOBODY)
    assert following.due() == [source.pk]
    sources.remove(source, NOBODY)
    assert not SourceObject.objects.exists()
    assert list(AuditEntry.objects.order_by("pk").values_list("action", flat=True)) == [
        *("source.added", "source.paused", "source.resumed", "source.removed")
    ]
