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
READ = re.compile(r'(?:env|env_urls|local)\.\w+\(\s*"([A-Z_]+)"')

# Read by the libraries, as everywhere.
PROXIES = {"HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"}


OWNERS = {"DATABASE_OWNER_URL"}


def documented(heading: str = "## Settings") -> set[str]:
    """Variables in the first column of the first table below a line of the README."""
    text = (ROOT / "README.md").read_text().partition(heading)[2]
    rows = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)
    assert rows is not None
    return {name for row in rows[0].splitlines() for name in re.findall("`([A-Z_]+)`", row.split("|")[1])}


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


def passed() -> set[str]:
    """Variables that compose hands to every part of the product, or to its own address."""
    given = [set(COMPOSE["services"][service]["environment"]) for service in OURS]
    owners = set(COMPOSE["services"]["migrate"]["environment"]) & OWNERS
    assert owners == OWNERS, "only what migrates knows the owner"
    assert all(one - OWNERS == given[-1] for one in given)
    return (
        given[-1]
        | owners
        | {name for name in ("PORT",) if f"${{{name}:-" in COMPOSE["services"]["web"]["ports"][0]}
    )


def read_by_the_product() -> set[str]:
    files = [ROOT / "currents_admin" / "settings.py", ROOT / "currents_admin" / "oidc.py"]
    return {name for file in files for name in READ.findall(file.read_text())}


def test_compose_passes_every_variable_of_the_table() -> None:
    assert documented() == passed()


def test_the_table_has_every_variable_the_settings_read() -> None:
    assert documented() - PROXIES == read_by_the_product()


def test_the_second_table_has_the_variables_of_a_run_on_ones_own_machine() -> None:
    code = "".join(file.read_text() for file in (ROOT / "currents_admin").rglob("*.py"))
    ours = set(re.findall(r'"(CURRENTS_[A-Z_]+)"', code)) - read_by_the_product()
    assert documented("Of `make run`") == ours


def test_a_secret_that_is_not_set_stops_compose_with_a_sentence() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    secret = (
        "POSTGRES_PASSWORD",
        "POSTGRES_APP_PASSWORD",
        "REDIS_PASSWORD",
        "SECRET_KEY",
        "WRITE_KEY_ENCRYPTION_KEYS",
    )
    for name in (*secret, "ALLOWED_HOSTS", "SITE_URL"):
        uses = re.findall(r"\$\{" + name + r"(:[^}]*)?\}", text)
        assert uses
        assert all(use.startswith(f":?Set {name} ") and use.endswith(".") for use in uses)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_container_may_more_than_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    if name in OURS:
        assert service["read_only"] is True
        assert "cap_add" not in service
        assert "currents_app:" in service["environment"]["DATABASE_URL"]
    else:
        assert service["networks"] == ["inside"], "nobody outside reaches it, and it reaches nobody"
        assert "ports" not in service
    assert COMPOSE["networks"]["inside"] == {"internal": True}


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
