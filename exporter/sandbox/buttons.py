"""The buttons of the sandbox's page: what teaches a failure in a minute, without a command line.

The page has no script, so a button is a form. Every page carries the server's token, which a foreign web page cannot
read, so it cannot press one either.
"""

import secrets
import urllib.parse
from collections.abc import Iterable
from enum import StrEnum
from html import escape

from exporter.sandbox.control import Control, Switches
from exporter.sandbox.rules import Match, Rule

SLOW_MILLISECONDS = 3_000
MOST_KEYS = 5


class Button(StrEnum):
    REFUSE = "refuse"
    FAIL = "fail"
    SLOW = "slow"
    HEAL = "heal"


class NoSuchButton(ValueError):
    """The form is not one of the page's."""


class Buttons:
    """The buttons of one server."""

    def __init__(self, control: Control) -> None:
        self._control = control
        self._token = secrets.token_urlsafe(16)

    def press(self, body: bytes) -> None:
        """Obeys a form of the page.

        Raises:
            NoSuchButton: it is none, or not from this page.
        """
        fields = dict(urllib.parse.parse_qsl(body.decode(errors="replace")))
        if not secrets.compare_digest(fields.get("token", "").encode(), self._token.encode()):
            raise NoSuchButton("Load the sandbox's page again.")
        try:
            button = Button(fields.get("do", ""))
        except ValueError:
            raise NoSuchButton("The page has no such button.") from None
        match button:
            case Button.REFUSE:
                key4 = fields.get("key4", "")
                if len(key4) != 4:
                    raise NoSuchButton("The key is missing.")
                self._add(Rule(status=401, match=Match(key4=key4)))
            case Button.FAIL:
                self._add(Rule(status=500))
            case Button.SLOW:
                self._control.apply(Switches(latency_ms=SLOW_MILLISECONDS))
            case Button.HEAL:
                self._control.clear()

    def _add(self, rule: Rule) -> None:
        if rule not in self._control.rules.standing():
            self._control.rules.add(rule)

    def html(self, keys: Iterable[str]) -> str:
        """The row of buttons; `keys` are the last four characters of the keys seen lately, newest first."""
        seen = [key4 for key4 in dict.fromkeys(keys) if len(key4) == 4][:MOST_KEYS]
        forms = [
            *(self._form(Button.REFUSE, f"Refuse the key …{key4} (401)", key4=key4) for key4 in seen),
            self._form(Button.FAIL, "Answer 500"),
            self._form(Button.SLOW, f"Be slow ({SLOW_MILLISECONDS // 1000} s)"),
            self._form(Button.HEAL, "Heal"),
        ]
        return f'<section class="buttons" aria-label="Make it fail">{"".join(forms)}</section>'

    def _form(self, button: Button, label: str, **fields: str) -> str:
        hidden = {"token": self._token, "do": button.value, **fields}
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items()
        )
        return f'<form action="/press" method="post">{inputs}<button>{escape(label)}</button></form>'
