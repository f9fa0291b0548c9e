"""The catalogue's own words in the reader's language: sections, groups, labels and summaries.

They are data, so `manage.py translations` extracts them with this context.
"""

from __future__ import annotations

from django.utils.translation import pgettext

CONTEXT = "catalogue"


def translated(text: str) -> str:
    return pgettext(CONTEXT, text)
