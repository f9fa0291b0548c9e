"""Passwords that are among the common, broken or easily guessed ones are refused, without asking anybody outside."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn

# Of 0 to 4; 3 takes 10⁸ guesses or more.
_LEAST = 3
# What it is compared with grows with the square of its length.
_LOOKED_AT = 72


class NotEasilyGuessed:
    """zxcvbn knows the lists of passwords that leaked most, names, dates, and keys beside each other."""

    def validate(self, password: str, user: Any = None) -> None:
        theirs = [word for name in ("email", "name") if (word := str(getattr(user, name, "") or ""))]
        if (
            zxcvbn(password[:_LOOKED_AT], user_inputs=["currents", "braze", "segment", *theirs])["score"]
            < _LEAST
        ):
            raise ValidationError(
                _(
                    "This password would be guessed soon. Use four words that have nothing to do with each other."
                ),
                code="password_guessed",
            )

    def get_help_text(self) -> str:
        return _("At least 12 characters, and nothing that others use or that is known of you.")
