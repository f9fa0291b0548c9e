"""Sources over the API: how each stands, for a token of its workspace; no keys."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from connectors.audit.actor import SYSTEM
from connectors.workspaces import tokens
from exporter.models import Source
from tests.support.factories import WorkspaceFactory

pytestmark = pytest.mark.django_db


def test_the_sources_of_the_tokens_workspace_are_told_with_their_trouble() -> None:
    workspace, other = WorkspaceFactory.create(), WorkspaceFactory.create()
    now = timezone.now()
    Source.objects.create(workspace=workspace, url="s3://b", begin="now", trouble="No.", failing_since=now)
    Source.objects.create(workspace=workspace, url="s3://a", begin="now", credentials=b"sealed")
    Source.objects.create(workspace=other, url="s3://theirs", begin="now")
    _token, plain = tokens.create(workspace, "machine", ["read"], SYSTEM)
    answer = Client().get("/api/v1/sources", headers={"Authorization": f"Bearer {plain}"})
    first, second = answer.json()["sources"]
    assert (first["url"], first["health"], first["trouble"]) == ("s3://a", "waiting", "")
    assert (second["url"], second["health"], second["trouble"]) == ("s3://b", "failing", "No.")
    assert second["failing_since"].endswith("Z")
    assert "sealed" not in answer.content.decode()
    _token, plain = tokens.create(workspace, "writer", ["write"], SYSTEM)
    assert Client().get("/api/v1/sources", headers={"Authorization": f"Bearer {plain}"}).status_code == 403
