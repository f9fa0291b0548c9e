"""The buttons of the sandbox's page: each does what it says, heals, and obeys only the page itself."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
import requests

from exporter.sandbox import Sandbox, running_sandbox
from tests.support.sandbox_calls import KEY, call, compact, post


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as running:
        yield running


def forms(sandbox: Sandbox) -> dict[str, dict[str, str]]:
    """The hidden fields of each button, by what it says."""
    page = requests.get(sandbox.url, timeout=10).text
    found = {}
    for form in re.findall(r'<form action="/press" method="post">(.*?)</form>', page):
        label = re.findall(r"<button>(.*?)</button>", form)[0]
        found[label] = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    return found


def press(sandbox: Sandbox, label: str) -> str:
    answer = requests.post(f"{sandbox.url}/press", data=forms(sandbox)[label], timeout=10)
    assert answer.status_code == 200, "the page again, by way of a redirect"
    assert answer.history[0].status_code == 303
    return answer.text


def status(sandbox: Sandbox, key: str = KEY) -> int:
    return int(post(sandbox, compact({"batch": [call("1")]}), key=key).status_code)


def test_a_key_is_refused_and_no_other(sandbox: Sandbox) -> None:
    assert (status(sandbox), status(sandbox, "another-key-9876")) == (200, 200)
    page = press(sandbox, f"Refuse the key …{KEY[-4:]} (401)")
    assert "Told to fail:" in page
    assert (status(sandbox), status(sandbox, "another-key-9876")) == (401, 200)
    press(sandbox, f"Refuse the key …{KEY[-4:]} (401)")
    assert len(sandbox.control()["rules"]) == 1, "pressed twice is pressed once"


def test_everything_fails_until_it_is_healed(sandbox: Sandbox) -> None:
    press(sandbox, "Answer 500")
    assert status(sandbox) == 500
    assert "It answers as Segment does when all is well." in press(sandbox, "Heal")
    assert status(sandbox) == 200


def test_it_becomes_slow_and_quick_again(sandbox: Sandbox) -> None:
    assert "every answer 3,000 ms late" in press(sandbox, "Be slow (3 s)")
    assert sandbox.control()["latency_ms"] == 3_000
    press(sandbox, "Heal")
    assert sandbox.control()["latency_ms"] == 0


@pytest.mark.parametrize("spoilt", [{"token": "x"}, {"do": "explode"}, {"do": "refuse", "key4": ""}])
def test_a_form_that_is_not_the_page_s_own_changes_nothing(sandbox: Sandbox, spoilt: dict[str, str]) -> None:
    fields = forms(sandbox)["Answer 500"] | spoilt
    assert requests.post(f"{sandbox.url}/press", data=fields, timeout=10).status_code == 400
    assert sandbox.control()["rules"] == []


def test_a_name_that_was_pointed_at_this_computer_reaches_no_button(sandbox: Sandbox) -> None:
    fields = forms(sandbox)["Answer 500"]
    answer = requests.post(
        f"{sandbox.url}/press",
        data=fields,
        headers={"Host": "evil.example"},
        timeout=10,
        allow_redirects=False,
    )
    assert answer.status_code == 404
    assert sandbox.control()["rules"] == []
