"""The container files start what exists, with variables that are read."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from currents_admin.supervisor import parts

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = ("migrate", "web", "worker", "retry-worker", "beat")
READ = re.compile(r'(?:env|local)\.\w+\(\s*"([A-Z_]+)"')


def commands() -> dict[str, list[str]]:
    """By service; the web's is the image's."""
    image = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert image is not None
    found = {name: COMPOSE["services"][name].get("command") for name in OURS}
    return {**found, "web": yaml.safe_load(image[1])}


def test_every_part_has_a_service() -> None:
    assert set(COMPOSE["services"]) == {*OURS, "postgres", "redis"}


@pytest.mark.parametrize("name", OURS)
def test_a_command_names_a_program_that_exists(name: str) -> None:
    command = commands()[name]
    assert command[0] == "python"
    if command[1] == "-m":
        assert find_spec(command[2]) is not None
    else:
        assert (ROOT / command[1]).is_file()
    for word in command:
        if word.endswith(".py"):
            assert (ROOT / word).is_file()


@pytest.mark.parametrize(
    "part", [parts.worker(), parts.retry_worker(), parts.beat()], ids=lambda part: str(part.name)
)
def test_worker_and_beat_are_started_as_by_the_supervisor(part: Any) -> None:
    assert commands()[part.name][1:] == part.command[1:]


def test_variables_are_ones_the_settings_read() -> None:
    read = set(READ.findall((ROOT / "currents_admin" / "settings.py").read_text()))
    given = {name for service in OURS for name in COMPOSE["services"][service]["environment"]}
    assert given <= read
    assert {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "WRITE_KEY_ENCRYPTION_KEYS", "ALLOWED_HOSTS"} <= given


def test_a_secret_that_is_not_set_stops_compose_with_a_sentence() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "SECRET_KEY", "WRITE_KEY_ENCRYPTION_KEYS", "ALLOWED_HOSTS"):
        uses = re.findall(r"\$\{" + name + r"(:[^}]*)?\}", text)
        assert uses
        assert all(use.startswith(f":?Set {name} ") and use.endswith(".") for use in uses)


def test_the_image_installs_by_hash_and_does_not_run_as_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes -r requirements/production.txt" in text
    assert text.index("USER currents") < text.index("\nCMD")
    for source in re.findall(r"^COPY (\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists()


def test_lock_files_name_no_place_to_fetch_from() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text
