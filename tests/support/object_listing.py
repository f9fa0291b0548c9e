"""What a bucket's listing has on a page: objects, and folders where a delimiter is given; and how Braze names them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

_NOW = datetime.now(UTC)


def hour_folder(hours_ago: int = 0) -> str:
    """What Braze calls the folder of an hour, such as `date=2026-11-25-21`; a source looks in those of the last two
    days. All are told from one moment, so that a name stays what it is when the next hour begins."""
    return f"date={_NOW - timedelta(hours=hours_ago):%Y-%m-%d-%H}"


def page_of(
    names: Iterable[str], prefix: str, delimiter: str, after: str, most: int
) -> tuple[list[str], list[str], str]:
    """The names of objects and of folders behind `after`, `most` together, and what the next page begins after."""
    found: dict[str, bool] = {}
    for name in sorted(names):
        if name.startswith(prefix) and name > after:
            end = name.find(delimiter, len(prefix)) if delimiter else -1
            found[name if end < 0 else name[: end + 1]] = end < 0
    page = list(found)[:most]
    objects = [name for name in page if found[name]]
    return objects, [name for name in page if not found[name]], "" if len(page) == len(found) else page[-1]
