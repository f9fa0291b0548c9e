"""The container files start what exists, with variables that are read."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from cryptography.fernet import Fernet
from redis import Redis, RedisError

from currents_admin import env, env_redis, env_urls, safety
from currents_admin.supervisor import parts, port, redis
from tests.house.running import until

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = ("migrate", "web", "worker", "retry-worker", "beat")
READ = re.compile(r'(?:env|env_mail|env_redis|env_urls|local)\.\w+\(\s*"([A-Z_]+)"')

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
    assert set(COMPOSE["services"]) == {*OURS, "sandbox", "postgres", "redis"}
    assert COMPOSE["services"]["sandbox"]["profiles"] == ["demo"], "only where it is asked for"


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
    """Variables that compose hands to every part of the product, as such or as the name of a file, or to its own
    address."""
    given = [
        {name.removesuffix("_FILE") for name in COMPOSE["services"][service]["environment"]}
        for service in OURS
    ]
    owners = given[OURS.index("migrate")] & OWNERS
    assert owners == OWNERS, "only what migrates knows the owner"
    assert all(one - OWNERS == given[-1] for one in given)
    return (
        given[-1]
        | owners
        | {name for name in ("PORT",) if f"${{{name}:-" in COMPOSE["services"]["web"]["ports"][0]}
    )


def read_by_the_product() -> set[str]:
    places = ("settings.py", "oidc.py", "telemetry/start.py")
    files = [ROOT / "currents_admin" / place for place in places]
    return {name for file in files for name in READ.findall(file.read_text())}


def test_compose_passes_every_variable_of_the_table() -> None:
    assert documented() == passed()


def test_the_table_has_every_variable_the_settings_read() -> None:
    assert documented() - PROXIES == read_by_the_product()


def test_the_second_table_has_the_variables_of_a_run_on_ones_own_machine() -> None:
    code = "".join(file.read_text() for file in (ROOT / "currents_admin").rglob("*.py"))
    ours = set(re.findall(r'"(CURRENTS_[A-Z_]+)"', code)) - read_by_the_product()
    assert documented("Of `make run`") == ours


def test_what_is_not_set_stops_compose_with_a_sentence() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("ALLOWED_HOSTS", "SITE_URL", "DEFAULT_FROM_EMAIL"):
        uses = re.findall(r"\$\{" + name + r"(:[^}]*)?\}", text)
        assert uses
        assert all(use.startswith(f":?Set {name} ") and use.endswith(".") for use in uses)


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_a_service_is_handed_the_files_of_its_own_secrets_and_no_secret_otherwise(name: str) -> None:
    service = COMPOSE["services"][name]
    given = dict(service.get("environment") or {})
    # Of the demo, which compose does not start.
    secret = {*env.SECRETS, "POSTGRES_PASSWORD", "REDISCLI_AUTH"} - {"CURRENTS_DEMO_PASSWORD"}
    assert not given.keys() & secret
    named = {str(value) for variable, value in given.items() if variable.endswith("_FILE")}
    named |= set(re.findall(r"/run/secrets/\w+", str(service.get("command"))))
    assert named == {f"/run/secrets/{one}" for one in service.get("secrets", ())}
    if name in OURS:
        wanted = {f"{variable}_FILE" for variable in secret & set(env.SECRETS)}
        assert {variable for variable in given if variable.endswith("_FILE")} == wanted - (
            set() if name == "migrate" else {f"{variable}_FILE" for variable in OWNERS}
        )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make secrets` ran twice, the second time beside an address that a person wrote."""
    folder = tmp_path_factory.mktemp("deployment")
    shutil.copy(ROOT / "Makefile", folder)
    given: dict[str, Any] = {
        "cwd": folder,
        "capture_output": True,
        "text": True,
        "check": True,
        "env": {"PATH": os.environ["PATH"]},
    }
    first = subprocess.run(["make", "secrets"], **given)
    assert "secrets/email_url" in first.stdout, "a person is told what is theirs to write"
    before = {file.name: file.read_text() for file in (folder / "secrets").iterdir()}
    (folder / "secrets" / "email_url").write_text("smtp://mail.example.com:25\n")
    second = subprocess.run(["make", "secrets"], **given)
    assert second.stdout == ""
    assert before.items() <= {file.name: file.read_text() for file in (folder / "secrets").iterdir()}.items()
    return folder / "secrets"


def test_make_secrets_writes_every_file_compose_names(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {file.name for file in made.iterdir()} == set(COMPOSE["secrets"])
    assert all(one == {"file": f"secrets/{name}"} for name, one in COMPOSE["secrets"].items())
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in made.iterdir()} == {0o444}
    for variable, file in COMPOSE["services"]["migrate"]["environment"].items():
        if variable.endswith("_FILE"):
            monkeypatch.setenv(variable, str(made / Path(file).name))
            monkeypatch.delenv(variable.removesuffix("_FILE"), raising=False)
    monkeypatch.setenv("SITE_URL", "https://currents.example.com")
    safety.check(env.text("SECRET_KEY"), ["currents.example.com"])
    assert Fernet(env.words("WRITE_KEY_ENCRYPTION_KEYS")[0])
    app = env_urls.database("DATABASE_URL", env.text("DATABASE_URL"))
    owner = env_urls.database("DATABASE_OWNER_URL", env.text("DATABASE_OWNER_URL"))
    assert (app["USER"], owner["USER"]) == ("currents_app", "currents")
    assert owner["PASSWORD"] == (made / "postgres_password").read_text() != app["PASSWORD"]
    redis_url = urlsplit(env_redis.redis("REDIS_URL", env.text("REDIS_URL")).url)
    assert redis_url.password == (made / "redis_password").read_text()
    assert len(env.text("METRICS_TOKEN")) >= 32


def test_images_are_named_by_version_and_digest() -> None:
    """A version for people, a digest so that nobody can put another image behind it."""
    base = re.search(r"^FROM (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert base is not None
    theirs = [one["image"] for name, one in COMPOSE["services"].items() if name not in (*OURS, "sandbox")]
    for image in (base[1], *theirs):
        assert re.fullmatch(r"[a-z/]+:\d+(\.\d+)+[a-z-]*@sha256:[0-9a-f]{64}", image), image


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_no_container_may_more_than_it_needs(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}, "its lines end somewhere"
    assert service["pids_limit"]
    assert service["read_only"] is True
    if name in OURS:
        assert "cap_add" not in service
        assert service["environment"]["CURRENTS_TRUSTED_PROXIES"] == "${CURRENTS_TRUSTED_PROXIES:-1}"
    if name in ("web", "worker", "retry-worker"):
        assert service["networks"] == ["inside", "outside"], "Segment, the mail server, your web server"
    else:
        assert service["networks"] == ["inside"], "nobody outside reaches it, and it reaches nobody"
    if "ports" in service:
        assert name == "web"
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_the_broker_wants_a_password_that_no_command_line_shows() -> None:
    broker = COMPOSE["services"]["redis"]
    assert "requirepass $$(cat /run/secrets/redis_password)" in broker["command"][2]
    assert "--requirepass" not in str(broker["command"])
    assert broker["user"] not in ("", "root", "0", "0:0")
    assert "cap_add" not in broker


def test_the_brokers_command_starts_a_server_with_that_password(made: Path, tmp_path: Path) -> None:
    """As the container's shell runs it, with the embedded server in place of the image's."""
    port_number = port.free()
    text = COMPOSE["services"]["redis"]["command"][2].replace("$$", "$")
    text = text.replace("/run/secrets", str(made)).replace("valkey-server", str(redis._binary()))
    server = subprocess.Popen(
        ["sh", "-c", text.replace("--save", f"--port {port_number} --bind 127.0.0.1 --save")],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: _pings(port_number, (made / "redis_password").read_text()), seconds=10)
        assert not _pings(port_number, None)
        assert (made / "redis_password").read_text() not in Path(f"/proc/{server.pid}/cmdline").read_text()
    finally:
        server.terminate()
        server.wait(10)


def _pings(port_number: int, password: str | None) -> bool:
    try:
        with Redis(port=port_number, password=password) as client:
            return bool(client.ping())
    except RedisError:
        return False


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
