"""Files of somebody who means harm: small on the wire and endless unpacked, or endless in what they list."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile

import pytest

from connectors.models import Workspace
from exporter.actions import sources
from exporter.intake import uploads
from exporter.intake.files import EventFile, Unpacked
from exporter.intake.unreadable import FileUnreadable
from exporter.models import SourceObject
from exporter.models.sources import Taken
from exporter.sources import following
from tests.exporter.sources.test_following import NOBODY, bucket, placed, server
from tests.exporter.views.test_imports import imported, uploaded, workspace, zipped
from tests.support.buckets import Bucket

__all__ = ["bucket", "server", "workspace"]

pytestmark = pytest.mark.django_db(transaction=True)
BLANKS = gzip.compress(b"\n" * 3_000_000)
MOST = 1_000_000


def test_blanks_without_an_event_end_where_the_bound_is(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "MOST_UNPACKED", MOST)
    for content, name in ((BLANKS, "a.ndjson.gz"), (zipped(a_dot_ndjson_dot_gz=BLANKS), "a.zip")):
        done = imported(workspace, content, name)
        assert f"Unpacked, it has more than {MOST} bytes." in done.trouble


def test_a_page_looks_through_so_much_for_first_events_and_no_further(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "PREVIEWED", MOST)
    found, troubles = uploads.preview(uploaded(workspace, BLANKS, "a.ndjson.gz"), 5)
    assert found == []
    assert troubles == [f"Unpacked, it has more than {MOST} bytes."]


def test_a_followed_object_that_becomes_too_large_is_set_aside(
    workspace: Workspace, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "MOST_UNPACKED", MOST)
    bucket.put(placed("bomb").replace(".avro", ".ndjson.gz"), BLANKS)
    following.follow(sources.add(workspace, bucket.wish(), NOBODY).pk)
    aside = SourceObject.objects.get()
    assert (aside.state, str(MOST) in aside.trouble) == (Taken.SET_ASIDE, True)


def test_files_of_one_zip_share_the_bound() -> None:
    shared = Unpacked(150)
    assert len(list(EventFile(io.BytesIO(b"{}\n" * 40), "a.ndjson", unpacked=shared).events())) == 40
    with pytest.raises(FileUnreadable, match="more than 150 bytes"):
        list(EventFile(io.BytesIO(b"{}\n" * 40), "b.ndjson", unpacked=shared).events())


def test_a_zip_that_lists_endless_members_is_not_read_into_memory(workspace: Workspace) -> None:
    """Entries of some 46 bytes each would be objects of some 600."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("a.json", b"{}")
    real = made.getvalue()
    at = real.index(b"PK\x01\x02")
    entry = real[at : real.index(b"PK\x05\x06")]
    many = entry * (uploads.MOST_OF_LIST // len(entry) + 1)
    counts = (0xFFFF).to_bytes(2, "little") * 2
    ending = (
        b"PK\x05\x06"
        + bytes(4)
        + counts
        + len(many).to_bytes(4, "little")
        + at.to_bytes(4, "little")
        + bytes(2)
    )
    upload = uploaded(workspace, real[:at] + many + ending, "many.zip", piece=900_000)
    tracemalloc.start()
    try:
        _found, troubles = uploads.preview(upload, 5)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "more than 10000 files" in troubles[0]
    assert most < 20_000_000
