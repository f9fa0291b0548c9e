"""The product on a port of its own with an OpenID Connect provider, and browsers of people who sign in there."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import requests
from django.conf import settings

from tests.support.serving import wait_until_open

NAME = "House & Home ID"


@dataclass
class Site:
    """The product on a port of its own."""

    url: str
    log: Path
    mail: Path
    database: str
    environment: dict[str, str]

    def command(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=settings.BASE_DIR,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def rows(self, statement: str, *terms: Any) -> list[Any]:
        with psycopg.connect(self.database, autocommit=True) as line:
            return line.execute(statement.encode(), terms).fetchall()

    def mailed_link(self, email: str) -> str:
        """The path of the invitation that was mailed last to an address."""
        texts = [
            file.read_text() for file in sorted(self.mail.iterdir(), key=lambda file: file.stat().st_mtime)
        ]
        mine = [text for text in texts if f"To: {email}" in text]
        link = re.search(r"/invitations/\S+", mine[-1])
        assert link is not None
        return link[0]


def started(site: Site, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gunicorn", "-c", "currents_admin/web_server.py"]
    with site.log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--bind", f"127.0.0.1:{port}", "currents_admin.wsgi:application"],
            cwd=settings.BASE_DIR,
            env=site.environment,
            stdout=output,
            stderr=output,
        )
    wait_until_open(port, process)
    return process


class Browser:
    """One person's browser, at an address of its own."""

    numbers = count(1)

    def __init__(self, site: Site) -> None:
        self.site, self.session = site, requests.Session()
        self.session.headers["X-Forwarded-For"] = f"198.51.100.{next(self.numbers)}"

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.site.url + path, timeout=20)

    def post(self, path: str, follow: bool = True, **typed: str) -> requests.Response:
        """Fills in the form of a page; its token is read there first."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(path).text)
        assert token is not None, path
        address = self.site.url + path
        form = typed | {"csrfmiddlewaretoken": token[1]}
        return self.session.post(
            address, form, headers={"Referer": address}, timeout=20, allow_redirects=follow
        )

    def press(self, follow: bool = True) -> requests.Response:
        """Presses the provider's button on the sign-in page."""
        page = self.get("/accounts/login/").text
        assert "Sign in with House &amp; Home ID" in page
        action = re.search(r'action="(/accounts/oidc/[^"]+)"', page)
        assert action is not None
        return self.post(action[1].replace("&amp;", "&"), follow)

    def sent_back(self) -> str:
        """Goes as far as the provider, and answers the address it would be sent back to."""
        asked = self.press(follow=False).headers["Location"]
        return self.session.get(asked, timeout=20, allow_redirects=False).headers["Location"]

    @property
    def signed_in(self) -> bool:
        return self.session.get(self.site.url + "/", timeout=20, allow_redirects=False).status_code == 200
