"""A wrong value in the environment is one plain sentence, wherever the product is started."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from currents_admin import env

ROOT = Path(__file__).resolve().parents[2]
GIVEN = "postgresql://currents:secret@127.0.0.1:1/currents"
PRODUCTION = {
    "DATABASE_URL": GIVEN,
    "SECRET_KEY": "long and random, as it has to be",
    "WRITE_KEY_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
    "ALLOWED_HOSTS": "currents.example.com",
    "SITE_URL": "https://currents.example.com",
}
OIDC = {
    "CURRENTS_OIDC_URL": "http://id.example.com",
    "CURRENTS_OIDC_CLIENT_ID": "currents",
    "CURRENTS_OIDC_CLIENT_SECRET": "made up",
}
KEPT = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")

BAD_VALUES = [
    ({"PORT": "eighty"}, "PORT"),
    ({"PORT": "70000"}, "PORT"),
    ({"PORT": "80.5"}, "PORT"),
    ({"DEBUG": "perhaps"}, "DEBUG"),
    ({"SITE_URL": "currents.example.com"}, "SITE_URL"),
    ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL"),
    ({"SEGMENT_US_URL": "api.example.com"}, "SEGMENT_US_URL"),
    ({"SEGMENT_EU_URL": "ftp://example.com"}, "SEGMENT_EU_URL"),
    ({"REDIS_URL": "http://127.0.0.1"}, "REDIS_URL"),
    ({"REDIS_URL": "redis://127.0.0.1:port/0"}, "REDIS_URL"),
    ({"EMAIL_URL": "mail.example.com"}, "EMAIL_URL"),
    ({"EMAIL_URL": "smtp://mail.example.com:port"}, "EMAIL_URL"),
    ({"SITE_URL": "https://[currents"}, "SITE_URL"),
    ({"WRITE_KEY_ENCRYPTION_KEYS": "short"}, "WRITE_KEY_ENCRYPTION_KEYS"),
    ({"CURRENTS_EXPIRY_HOURS": "two days"}, "CURRENTS_EXPIRY_HOURS"),
    ({"CURRENTS_EXPIRY_HOURS": "0"}, "CURRENTS_EXPIRY_HOURS"),
    ({"CURRENTS_RETENTION_HOURS": "71"}, "CURRENTS_RETENTION_HOURS"),
    ({"CURRENTS_LEASE_SECONDS": "nan"}, "CURRENTS_LEASE_SECONDS"),
    ({"CURRENTS_LEASE_SECONDS": "1"}, "CURRENTS_LEASE_SECONDS"),
    ({"CURRENTS_INTAKE_RATE": "-1"}, "CURRENTS_INTAKE_RATE"),
    ({"CURRENTS_SOURCE_FOLDERS": "data"}, "CURRENTS_SOURCE_FOLDERS"),
    ({"DEFAULT_FROM_EMAIL": "nobody"}, "DEFAULT_FROM_EMAIL"),
    ({"METRICS_TOKEN": "two\nlines"}, "METRICS_TOKEN"),
    ({"HTTPS_PROXY": "socks5://127.0.0.1"}, "HTTPS_PROXY"),
    ({**PRODUCTION, "DATABASE_URL": "mysql://host/database"}, "DATABASE_URL"),
    ({**PRODUCTION, "DATABASE_URL": "postgresql://host:port/database"}, "DATABASE_URL"),
    ({**PRODUCTION, "SECRET_KEY": ""}, "SECRET_KEY"),
    ({**PRODUCTION, "WRITE_KEY_ENCRYPTION_KEYS": ""}, "WRITE_KEY_ENCRYPTION_KEYS"),
    ({**PRODUCTION, "ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
    ({**PRODUCTION, "ALLOWED_HOSTS": "currents.example.com,*"}, "ALLOWED_HOSTS"),
    ({**PRODUCTION, "SITE_URL": ""}, "SITE_URL"),
    ({**PRODUCTION, "SECRET_KEY": "abc"}, "SECRET_KEY"),
    ({**PRODUCTION, "SECRET_KEY": "a" * 64}, "SECRET_KEY"),
    ({**PRODUCTION, **OIDC}, "CURRENTS_OIDC_URL"),
]
ENTRIES = {
    "manage.py": ["manage.py", "check"],
    "celery worker": ["-m", "celery", "-A", "currents_admin", "worker"],
    "celery beat": ["-m", "celery", "-A", "currents_admin", "beat"],
    "supervisor": ["-m", "currents_admin.supervisor", "run"],
    "web": ["-c", "import currents_admin.wsgi"],
}


def start(
    arguments: list[str], environment: dict[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**kept, "CURRENTS_VAR": str(folder), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_one_sentence(done: subprocess.CompletedProcess[str], name: str) -> None:
    said = (done.stdout + done.stderr).strip()
    assert done.returncode != 0
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1, said
    assert name in said
    assert said.endswith(".")


@pytest.mark.parametrize(
    ("environment", "name"), BAD_VALUES, ids=[f"{name}-{place}" for place, (_, name) in enumerate(BAD_VALUES)]
)
def test_a_bad_value_is_one_sentence_that_names_the_variable(
    environment: dict[str, str], name: str, tmp_path: Path
) -> None:
    assert_one_sentence(start(ENTRIES["manage.py"], environment, tmp_path), name)


@pytest.mark.parametrize("entry", [name for name in ENTRIES if name != "manage.py"])
def test_every_way_to_start_says_the_same_sentence(entry: str, tmp_path: Path) -> None:
    assert_one_sentence(start(ENTRIES[entry], {"PORT": "eighty"}, tmp_path), "PORT")


def test_good_values_start(tmp_path: Path) -> None:
    done = start(ENTRIES["manage.py"], {**PRODUCTION, "REDIS_URL": "redis://127.0.0.1:1/0"}, tmp_path)
    assert done.returncode == 0, done.stderr


def test_a_sentence_about_a_secret_does_not_show_it(tmp_path: Path) -> None:
    done = start(ENTRIES["manage.py"], {"WRITE_KEY_ENCRYPTION_KEYS": "not-to-be-shown"}, tmp_path)
    assert "not-to-be-shown" not in done.stdout + done.stderr


def test_without_services_secrets_are_made_once_and_kept_from_others(tmp_path: Path) -> None:
    assert start(ENTRIES["manage.py"], {}, tmp_path).returncode == 0
    made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    assert start(ENTRIES["manage.py"], {}, tmp_path).returncode == 0
    assert set(made) == {"secret_key", "write_key_encryption_keys"}
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == made
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "secrets").iterdir())


def test_a_word_counts_however_it_is_capitalised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO")) == "DEBUG"


@pytest.mark.parametrize("content", [b"caf\xe9", b"a\0b"])
def test_a_value_that_is_no_text_is_one_sentence(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    (tmp_path / "secret").write_bytes(content)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))
    with pytest.raises(env.BadEnvironment, match="SECRET_KEY"):
        env.text("SECRET_KEY")
    monkeypatch.delenv("SECRET_KEY_FILE")
    monkeypatch.setenv("SECRET_KEY", "caf\udce9")
    with pytest.raises(env.BadEnvironment, match="text in UTF-8"):
        env.text("SECRET_KEY")


def test_a_byte_order_mark_is_no_part_of_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_bytes(b"\xef\xbb\xbfgiven\r\n")
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "secret"))
    assert env.text("SECRET_KEY") == "given"


@pytest.mark.parametrize("name", env.SECRETS)
def test_every_secret_may_lie_in_a_file(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{name}_FILE", str(file))
    assert env.text(name) == "from a file"
    monkeypatch.setenv(name, "given")
    with pytest.raises(env.BadEnvironment, match="keep one"):
        env.text(name)
    monkeypatch.delenv(name)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "nothing"))
    with pytest.raises(env.BadEnvironment, match=f"{name}_FILE"):
        env.text(name)
