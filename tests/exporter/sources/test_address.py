"""What somebody gives as the address of a source is taken as it stands, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings

from exporter.sources.address import Address, BadAddress, is_readable, parse


@pytest.mark.parametrize(
    "url",
    [
        *(
            "s3://buck\net/x",
            "s3://bucket/a\tb",
            "s3://bucket/\u200b",
            "s3://bucket/\x1b",
            "gs://b\u0131cket/x",
        ),
        *(
            "s3://bucket/%ff",
            "s3://\u212aucket",
            "s3://[",
            "s3://b",
            "az://bu/cket?x",
            "file://srv/x",
            "",
            " ",
        ),
    ],
)
def test_what_is_no_address_is_one_sentence(url: str) -> None:
    with pytest.raises(BadAddress) as told:
        parse(url)
    assert str(told.value).endswith(".")


@pytest.mark.parametrize(("url", "prefix"), [("s3://bucket/a b/é/", "a b/é"), (" s3://bucket/%C3%A9 ", "é")])
def test_a_prefix_may_be_any_text(url: str, prefix: str) -> None:
    assert parse(url) == Address("s3", "bucket", prefix)


@pytest.mark.parametrize("name", ["x" * 300, "nothing", "a\nb", "file/below", "\x00", "../../../etc"])
def test_a_folder_that_cannot_be_one_is_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "CURRENTS_SOURCE_FOLDERS", [str(tmp_path)])
    (tmp_path / "file").touch()
    with pytest.raises(BadAddress) as told:
        parse(f"file://{tmp_path}/{quote(name)}")
    assert str(told.value).endswith(".")


def test_below_means_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "CURRENTS_SOURCE_FOLDERS", ["/"])
    assert is_readable("/srv/currents")
    monkeypatch.setattr(settings, "CURRENTS_SOURCE_FOLDERS", ["/srv/currents"])
    assert not is_readable("/srv/currents-else")
    assert is_readable("/srv/currents/x")
