"""Every command of the product explains itself."""

from __future__ import annotations

import pytest
from django.core.management import get_commands, load_command_class

OURS = sorted(
    name for name, app in get_commands().items() if app in ("currents_admin", "connectors", "exporter")
)


@pytest.mark.parametrize("name", OURS)
def test_help_is_printed(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    assert command.create_parser("manage.py", name).format_help().startswith("usage:")


def test_the_documented_commands_exist() -> None:
    documented = {
        *("create_workspace", "create_intake_token", "import_events", "generate_events", "segment_sandbox"),
        "check_ledger",
    }
    assert documented <= set(OURS)
