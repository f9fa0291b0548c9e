"""The forms of JSON values, in words."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from exporter.models.seen import Form

WORDS: dict[Form, str | Promise] = {
    Form.TEXT: _("text"),
    Form.WHOLE: _("whole number"),
    Form.DECIMAL: _("number"),
    Form.TRUTH: _("true or false"),
    Form.LIST: _("list"),
    Form.OBJECT: _("object"),
    Form.NULL: _("null"),
}
TYPE_WORDS: dict[str, str | Promise] = {
    "string": _("text"),
    "boolean": _("true or false"),
    "int": _("whole number"),
    "number": _("number"),
    "object": _("object"),
    "array of string": _("list of texts"),
    "any": _("not published"),
}


def words(bits: int) -> list[str | Promise]:
    """The forms whose bits are set."""
    return [word for form, word in WORDS.items() if bits & form]
