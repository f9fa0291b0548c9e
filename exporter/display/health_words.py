"""Health in words: the word, colour and icon of each state. The same word stands on pages, in mails and in metrics."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

# health: word, colour, icon
HEALTH: dict[str, tuple[Any, str, str]] = {
    "key_unreadable": (gettext_lazy("Key unreadable"), "bad", "padlock"),
    "log_damaged": (gettext_lazy("Log damaged"), "bad", "octagon"),
    "losing_events": (gettext_lazy("Losing events"), "solid", "triangle"),
    "key_rejected": (gettext_lazy("Key rejected"), "bad", "key-struck"),
    "request_refused": (gettext_lazy("Request refused"), "bad", "octagon"),
    "paused": (gettext_lazy("Paused"), "neu", "pause"),
    "retrying": (gettext_lazy("Retrying"), "warn", "retry"),
    "waiting": (gettext_lazy("Waiting for first event"), "outline", "dashed"),
    "catching_up": (gettext_lazy("Catching up"), "accent", "catching-up"),
    "delivering": (gettext_lazy("Delivering"), "ok", "tick-circle"),
}
