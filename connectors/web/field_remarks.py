"""What a form says besides errors: what is allowed but unusual, and what it changed for the person."""

from __future__ import annotations

from typing import Any

from django import forms


class Remarked(forms.Form):
    """A form with sentences per field: `warnings` (allowed, but look again) and `corrections` (done for you)."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.warnings: dict[str, list[str]] = {}
        self.corrections: dict[str, list[str]] = {}

    @property
    def left_to_mend(self) -> list[str]:
        """The fields for which a refused form was not taken, in the order of the page."""
        return [name for name in self.fields if name in self.errors]
