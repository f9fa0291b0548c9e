"""What people type as it is searched for: without accents and capitals, full width as half width."""

from __future__ import annotations

import unicodedata
from typing import Any

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Concat

# Stands in no text of the database.
_BETWEEN = "\0"


def folded(text: str) -> str:
    """`évé` as `eve`, `ＡＢＣ` as `abc`, `ｶﾞ` as `カ`; the picker's script does the same."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in apart if not unicodedata.category(sign).startswith("M")).casefold()


def with_words(rows: QuerySet[Any], wanted: str, *columns: str) -> list[int]:
    """The ids of the rows in whose columns, taken together, every word of what somebody typed stands; in the order of
    the rows.

    They are compared here, because a database folds letters as its locale does, and folded all at once, because ten
    thousand texts one by one take several times as long.
    """
    words = folded(wanted).split()
    if not words:
        return list(rows.values_list("pk", flat=True))
    apart = [part for column in columns for part in (column, Value(" "))]
    told = dict(rows.annotate(told=Concat(*apart, output_field=TextField())).values_list("pk", "told"))
    texts = folded(_BETWEEN.join(told.values())).split(_BETWEEN)
    return [pk for pk, text in zip(told, texts, strict=False) if all(word in text for word in words)]
