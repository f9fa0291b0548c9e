"""What a bucket's listing has on a page: objects, and folders where a delimiter is given."""

from __future__ import annotations

from collections.abc import Iterable


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
