"""What is installed from a wheel is whole: every module, template and static file, with the declared dependencies and
nothing else beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = ("currents_admin", "connectors", "exporter", "templates", "static", "locale")

# With a provider, because the modules for one can only be imported where there is one.
SIGN_IN = {
    "CURRENTS_OIDC_URL": "https://id.example.com",
    "CURRENTS_OIDC_CLIENT_ID": "currents",
    "CURRENTS_OIDC_CLIENT_SECRET": "not-a-secret",
}
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys, django
django.setup()
for root in ("currents_admin", "connectors", "exporter"):
    for found in pkgutil.walk_packages(importlib.import_module(root).__path__, root + "."):
        if not found.name.endswith(".__main__"):
            importlib.import_module(found.name)
        print(found.name.replace(".", "/"))
"""
FIND_EVERY_FILE = """
import sys, django
django.setup()
from pathlib import Path
from django.contrib.staticfiles import finders
from django.template.loader import get_template
templates, static = map(Path, sys.argv[1:])
for file in templates.rglob("*.*"):
    found = Path(get_template(file.relative_to(templates).as_posix()).origin.name)
    assert sys.prefix in str(found), found
for file in static.rglob("*.*"):
    assert sys.prefix in finders.find(file.relative_to(static).as_posix())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, because a build leaves folders behind."""
    copy, out = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(
        ROOT / ".ci" / "build", copy / ".ci" / "build", ignore=shutil.ignore_patterns("__pycache__")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", out, copy], check=True, timeout=120)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that holds the wheel and what it declares to need."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False, symlinks=True)
    (packages,) = home.glob("lib/python*/site-packages")
    for name in declared():
        link(name, packages)
    with ZipFile(wheel) as archive:
        archive.extractall(packages)
    return home / "bin" / "python"


def declared() -> set[str]:
    """The distributions the project depends on, with those the supervisor embeds, and what these need in turn."""
    named = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["embedded"]]
    todo = [Requirement(text) for text in named]
    done: set[tuple[str, str]] = set()
    while todo:
        wanted = todo.pop()
        for extra in {"", *wanted.extras}:
            if (canonicalize_name(wanted.name), extra) in done:
                continue
            done.add((canonicalize_name(wanted.name), extra))
            for text in distribution(wanted.name).requires or []:
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    todo.append(needed)
    return {name for name, _extra in done}


def link(name: str, packages: Path) -> None:
    """Makes an installed distribution importable there as well."""
    found = distribution(name)
    tops = {file.parts[0] for file in found.files or [] if file.parts[0] not in ("..", "__pycache__")}
    for top in tops:
        link = packages / top
        if not link.exists():
            link.symlink_to(Path(str(found.locate_file(top))))


def run(python: Path, folder: Path, *arguments: str | Path) -> str:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    done = subprocess.run(
        [python, *arguments],
        cwd=folder,
        env={**kept, "DJANGO_SETTINGS_MODULE": "currents_admin.settings", **SIGN_IN},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_is_in_the_wheel_and_can_be_imported(installed: Path, tmp_path: Path) -> None:
    imported = set(run(installed, tmp_path, "-c", IMPORT_EVERYTHING).split())
    ours = {
        file.relative_to(ROOT).with_suffix("").as_posix().removesuffix("/__init__")
        for top in ("currents_admin", "connectors", "exporter")
        for file in (ROOT / top).rglob("*.py")
        # A tool of development, with a library of its own.
        if "translations" not in file.relative_to(ROOT).parts[:2]
    }
    assert ours - imported == {"currents_admin", "connectors", "exporter"}


def test_templates_and_static_files_are_installed(installed: Path, tmp_path: Path) -> None:
    run(installed, tmp_path, "-c", FIND_EVERY_FILE, ROOT / "templates", ROOT / "static")


def test_commands_run_where_they_are_started(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "static-built").mkdir()
    shutil.copy(ROOT / "manage.py", tmp_path)
    assert "no issues" in run(installed, tmp_path, "manage.py", "check")
    run(installed, tmp_path, "-m", "currents_admin", "collectstatic", "--noinput")
    assert list((tmp_path / "static-built" / "js").glob("app.*.js"))
    assert (tmp_path / "var").is_dir()
