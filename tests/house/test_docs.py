"""The documents name what exists: commands with their options, targets, services, files, labels, events of the log; and
commands that change nothing outside are run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import CommandError, call_command, get_commands, load_command_class

from tests.house.test_container import commands
from tests.support.factories import event

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [file for file in DOCUMENTS if file.parent.name == "guides"]
OPERATIONS = ROOT / "docs" / "operations.md"
_FENCED = re.compile(r"^ *```(?:sh)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`")
_PRODUCT = re.compile(r"(?:manage\.py|currents-admin)\s+(?=[a-z_])(.*)")
# Run by whoever reads, on their own machine.
_OTHERS = {"curl", "pg_dump", "pg_restore", "createdb", "python", "pip"}
_COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def fenced(file: Path) -> Iterator[str]:
    """Lines of a document's blocks for a shell, without comments; long ones in one piece."""
    for block in _FENCED.findall(file.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                yield line.strip()


def called(text: str) -> list[str] | None:
    """The words behind `manage.py`, if it calls one."""
    found = _PRODUCT.search(text)
    if found is None:
        return None
    try:
        return shlex.split(found[1].partition("|")[0].rstrip(") "), comments=True)
    except ValueError:
        return found[1].split()


def every_call() -> list[tuple[str, list[str], bool]]:
    """File, words, and whether it stands in a block, as a whole."""
    found = []
    for file in DOCUMENTS:
        text = _FENCED.sub("", file.read_text())
        lines = [(line, True) for line in fenced(file)] + [(line, False) for line in _INLINE.findall(text)]
        found += [(file.name, words, whole) for line, whole in lines if (words := called(line))]
    return found


def parser_of(name: str) -> Any:
    command = load_command_class(get_commands()[name], name)
    return command.create_parser("manage.py", name)


@pytest.mark.parametrize(("file", "words", "whole"), every_call(), ids=lambda value: str(value)[:60])
def test_a_command_exists_and_understands_what_the_documents_give_it(
    file: str, words: list[str], whole: bool
) -> None:
    name, *given = words
    assert name in get_commands()
    parser = parser_of(name)
    known = {option for action in parser._actions for option in action.option_strings}
    assert {word for word in given if word.startswith("--")} <= known
    if whole:
        try:
            parser.parse_args(given)
        except CommandError as error:
            raise AssertionError(f"{file}: {words}: {error}") from None


def test_the_readers_commands_are_known_programs_targets_and_services() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for file in DOCUMENTS:
        for line in fenced(file):
            words = line.split()
            if words[0] == "make":
                assert words[1] in targets, line
            elif words[:2] == ["docker", "compose"]:
                assert _services_of(words) <= set(_COMPOSE["services"]), line
            elif words[0] in _OTHERS or _PRODUCT.search(line):
                continue
    for file in (ROOT / "README.md", OPERATIONS, *GUIDES):
        for words in map(str.split, _INLINE.findall(file.read_text())):
            if words[0] == "make" and len(words) > 1:
                assert words[1] in targets, f"{file.name}: {words}"


def test_without_docker_the_parts_are_started_as_compose_starts_them() -> None:
    started = {
        line.removeprefix(".venv/bin/")
        for line in fenced(OPERATIONS)
        if line.startswith(".venv/bin/python -m")
    }
    composed = {
        " ".join(words).replace("0.0.0.0", "127.0.0.1")
        for name, words in commands().items()
        if name in ("web", "worker", "retry-worker", "beat")
    }
    assert started == composed


def _services_of(words: list[str]) -> set[str]:
    """What `run`, `exec` and `logs` are told: the first word that is no option."""
    if words[2] not in ("run", "exec", "logs"):
        return set()
    return set([word for word in words[3:] if not word.startswith("-")][:1])


@pytest.mark.django_db(transaction=True)
def test_what_the_documents_run_on_a_server_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order; `doctor` finds, rightly, that nothing else of the product is running."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "one.json").write_text(json.dumps(event(1)))
    monkeypatch.setattr("currents_admin.migrating.migrate", lambda: None)
    ran, other = [], {"doctor", "prepare", "remove_second_factor", "add_source"}
    for file in (OPERATIONS, *GUIDES):
        for words in filter(None, map(called, fenced(file))):
            said = StringIO()
            if words[0] not in other:
                call_command(*words, stdout=said)
            ran.append(words[0])
    assert {"create_workspace", "create_intake_token", "import_events", "status", "check_ledger"} <= set(ran)


def test_links_lead_somewhere() -> None:
    for file in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text()):
            assert (file.parent / target).exists(), f"{file.name} → {target}"


def test_links_to_a_heading_name_one_that_is_there() -> None:
    for file in DOCUMENTS:
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", file.read_text()):
            text = ((file.parent / target) if target else file).read_text()
            headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{file.name} → {target}#{anchor}"


@pytest.mark.parametrize("file", GUIDES, ids=lambda file: str(file.name))
def test_a_guide_calls_things_as_the_pages_do(file: Path) -> None:
    catalogue = (ROOT / "locale" / "de" / "LC_MESSAGES" / "django.po").read_text()
    labels = set(re.findall(r'^msgid "([^"]+)"$', catalogue, re.MULTILINE))
    assert set(re.findall(r"\*\*([^*]+)\*\*", file.read_text())) - labels <= {"like this"}


def test_every_event_of_the_log_that_is_documented_is_written() -> None:
    code = "".join(
        file.read_text()
        for room in ("connectors", "exporter", "currents_admin")
        for file in (ROOT / room).rglob("*.py")
    ).replace("_with_task", "")
    table = OPERATIONS.read_text().partition("| event | when | with |")[2].partition("\n\n")[0]
    names = [name for row in table.splitlines()[2:] for name in re.findall("`([a-z_.]+)`", row.split("|")[1])]
    assert len(names) > 15
    assert [name for name in names if f'"{name}"' not in code] == []
