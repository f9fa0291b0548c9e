"""Prints, as JSON, what the product says of an event type that one more entry of the catalogue's file brings.

A process of its own, because whoever reads the catalogue reads it once, at the start.
"""

from __future__ import annotations

import json
import os
import sys
from io import StringIO
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "currents_admin.settings")

TYPE, ALIAS = "users.messages.hologram.Wave", "users_messages_hologram_wave"
FIELDS = ("id", "user_id", "external_user_id", "email_address", "gesture")
ENTRY: dict[str, Any] = {
    "event_type": TYPE,
    "aliases": [ALIAS],
    "section": "Messages",
    "group": "Hologram",
    "action": "Wave",
    "label": "Wave",
    "summary": "Someone waves back at a hologram.",
    "segment_event": "Hologram Waved At",
    "storage": {"time": "required int"} | dict.fromkeys(FIELDS, "optional string"),
    "also": [],
    "pii": ["email_address", "external_user_id", "user_id"],
    "segment_properties": {"gesture": {"from": "gesture", "type": "string"}},
    "segment_traits": {"email": {"from": "email_address", "type": "string"}},
    "segment_device": {},
}
POSTED = {
    "event_type": ALIAS,
    "id": "w-1",
    "time": 1767225600,
    "user": {"user_id": "u-1", "external_user_id": "ada"},
    "properties": {"email_address": "ada@example.com", "gesture": "both hands"},
}


def add_the_entry() -> None:
    from connectors.catalogue import reading

    load = reading.load

    def with_one_more(text: str | bytes) -> Any:
        data = json.loads(text)
        data["version"] += 1
        data["changes"].append({"version": data["version"], "date": "2027-01-01", "what": "Holograms."})
        data["events"].append(ENTRY | {"since": data["version"]})
        return load(json.dumps(data))

    reading.load = with_one_more


def told() -> dict[str, Any]:
    from django.core.management import call_command
    from django.template.loader import render_to_string

    from connectors.catalogue.catalogue import CATALOGUE, MESSAGE_ENGAGEMENT, REFERENCE_PAGE
    from connectors.setup.forms import DetailsForm
    from connectors.views.event_types import rows_of
    from currents_admin.translations import extracting
    from exporter.destinations.segment.transform import Plan, convert
    from exporter.intake import file_types
    from exporter.intake.normalise import normalise
    from exporter.log import batches
    from exporter.reports import masking
    from exporter.samples import generator

    event = CATALOGUE.by_name[ALIAS]
    form = DetailsForm({"selected_events": [ALIAS]})
    form.is_valid()
    stored = normalise(json.dumps(POSTED).encode())
    shown = {
        "catalogue": CATALOGUE,
        "engagement": MESSAGE_ENGAGEMENT,
        "reference": REFERENCE_PAGE,
        "chosen": set(),
    }
    printed = StringIO()
    call_command("catalogue", stdout=printed)
    call = convert(stored.line, Plan(frozenset({TYPE}), include_anonymous=False)).call
    return {
        "picker": render_to_string("components/picker.html", shown),
        "page": render_to_string(
            "connectors/event_type.html#fields", {"event": event, "rows": rows_of(event)}
        ),
        "chosen": form.cleaned_data["selected_events"],
        "stored": stored.line.decode(),
        "unknown_types": sorted(batches.make([stored]).unknown_types()),
        "type_of_file": file_types.of_file(f"{TYPE}.avro"),
        "call": json.loads(call or b"null"),
        "masked": masking.masked(json.loads(stored.line)),
        "test_event": next(generator.one_of_each(1, {TYPE}, 1767225600)),
        "printed": printed.getvalue(),
        "to_translate": [message.id for message in extracting.template() if message.context == "catalogue"],
    }


if __name__ == "__main__":
    add_the_entry()
    import django

    django.setup()
    sys.stdout.write(json.dumps(told()))
