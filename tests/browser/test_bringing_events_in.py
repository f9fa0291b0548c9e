"""Events come in without a sender: a file is uploaded, seen and imported; a bucket is added wrongly, mended
and followed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from connectors.models import User, Workspace
from exporter.actions import replays
from exporter.delivery.deliver import deliver
from exporter.intake import uploads
from exporter.log import event_log
from exporter.models import Source, Upload
from exporter.sources.following import follow
from tests.browser.test_going_bad import line, owner
from tests.support.avro import container, record
from tests.support.buckets import KEY, KEY_ID, Bucket, a_server, locked
from tests.support.delivering import Line

__all__ = ["line", "owner"]

OpenAs = Callable[..., Page]


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_server() as url:
        made = Bucket(url, "exports")
        made.put("currents/a.avro", container([record(1), record(2)]))
        yield made


def pictured(page: Page, name: str) -> None:
    """A picture at three widths, where somebody asks for them."""
    if folder := os.environ.get("CURRENTS_PICTURES"):
        for width in (1440, 768, 390):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(folder, f"{name}-{width}.png"), full_page=True)
        page.set_viewport_size({"width": 1440, "height": 900})


def test_a_file_is_uploaded_in_pieces_seen_and_imported(
    harbour: Workspace, admin: User, open_as: OpenAs, tmp_path: Path
) -> None:
    file = tmp_path / "part-1.avro"
    file.write_bytes(container([record(number, note="x" * 1_000) for number in range(3_000)], codec="null"))
    page = open_as(admin)
    page.goto("/w/harbour/settings/imports/")
    page.get_by_label("Files").set_input_files(file)
    pictured(page, "imports")
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Ready to import")).to_be_visible()
    expect(page.locator(".code-block").first).to_contain_text("event-0")
    pictured(page, "import-preview")
    assert event_log.head(harbour.pk) == 0
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="Importing")).to_be_visible()
    while uploads.run(Upload.objects.get().pk):
        pass
    expect(page.get_by_text("3,000 accepted, 0 duplicates, 0 refused.")).to_be_visible()
    assert event_log.head(harbour.pk) == 3_000


def test_a_file_is_imported_for_one_connector_only(
    line: Line, owner: User, open_as: OpenAs, tmp_path: Path
) -> None:
    file = tmp_path / "history.avro"
    file.write_bytes(container([record(number) for number in range(40)]))
    page = open_as(owner)
    page.goto(f"/w/{line.workspace.slug}/settings/imports/")
    page.get_by_label("Files").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", name="Ready to import")).to_be_visible()
    expect(page.get_by_label("Connector", exact=True)).to_be_hidden()
    page.get_by_text("Only to one connector").click()
    expect(page.get_by_label("Connector", exact=True)).to_be_visible()
    pictured(page, "import-for-one")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("heading", name="Importing")).to_be_visible()
    upload = Upload.objects.get()
    uploads.run(upload.pk)
    page.get_by_role("link", name="replay of its own").click()
    expect(page.get_by_text("history.avro")).to_be_visible()
    assert upload.replay is not None
    replays.advance()
    deliver(upload.replay.delivery_id)
    replays.advance()
    expect(page.get_by_text("40 of about 40")).to_be_visible()
    expect(page.get_by_text("Done")).to_be_visible()
    pictured(page, "replay-of-a-file")
    assert len(line.arrived()) == 40
    assert event_log.head(line.workspace.pk) == 0


def test_a_bucket_is_added_with_a_wrong_address_mended_and_followed(
    harbour: Workspace, admin: User, open_as: OpenAs, bucket: Bucket
) -> None:
    page = open_as(admin)
    page.goto("/w/harbour/settings/sources/")
    page.get_by_role("link", name="Add source").click()
    page.get_by_label("Address").fill("s3://no-such-bucket")
    page.get_by_label("Read from").select_option("beginning")
    page.get_by_label("Endpoint").fill(bucket.url)
    page.get_by_label("Access key ID").fill(KEY_ID)
    page.get_by_label("Secret access key").fill(KEY)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("There is no such bucket or container.")).to_be_visible()
    pictured(page, "source-new")
    page.get_by_label("Address").fill("s3://exports/currents")
    page.get_by_label("Secret access key").fill(KEY)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("currents/a.avro")).to_be_visible()
    page.get_by_label("Secret access key").fill(KEY)
    page.get_by_role("button", name="Add source").click()
    expect(page.get_by_text("Nothing found yet")).to_be_visible()
    follow(Source.objects.get().pk)
    page.reload()
    expect(page.get_by_text("Following").first).to_be_visible()
    expect(page.get_by_text("1 object: 2 accepted")).to_be_visible()
    pictured(page, "source")
    assert event_log.head(harbour.pk) == 2


def test_a_source_whose_key_is_wrong_is_told_mended_and_followed(
    harbour: Workspace, admin: User, open_as: OpenAs, bucket: Bucket
) -> None:
    page = open_as(admin)
    with locked(bucket) as (key_id, key):
        page.goto("/w/harbour/settings/sources/new/")
        page.get_by_label("Address").fill("s3://exports/currents")
        page.get_by_label("Read from").select_option("beginning")
        page.get_by_label("Endpoint").fill(bucket.url)
        page.get_by_label("Access key ID").fill(key_id)
        page.get_by_label("Secret access key").fill(KEY)
        page.get_by_role("button", name="Add source").click()
        follow(Source.objects.get().pk)
        page.reload()
        expect(page.get_by_text("The key is not accepted. Enter it again.")).to_be_visible()
        pictured(page, "source-failing")
        page.get_by_role("link", name="Change keys").click()
        page.get_by_label("Access key ID").fill(key_id)
        page.get_by_label("Secret access key").fill(key)
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_text("currents/a.avro")).to_be_visible()
        pictured(page, "source-keys")
        page.get_by_label("Secret access key").fill(key)
        page.get_by_role("button", name="Save").click()
        follow(Source.objects.get().pk)
        page.reload()
        expect(page.get_by_text("1 object: 2 accepted")).to_be_visible()
        expect(page.get_by_text("The key is not accepted.")).to_have_count(0)
    assert event_log.head(harbour.pk) == 2
