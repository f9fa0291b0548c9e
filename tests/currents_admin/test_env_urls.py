"""An address in the environment means what a person expects of its spelling, or stops the start in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from currents_admin import env_mail, env_urls
from currents_admin.env import BadEnvironment

SECRET = "not-to-be-shown"


def mail(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, Any]:
    monkeypatch.setenv("EMAIL_URL", url)
    return env_mail.mail("EMAIL_URL", "")


@pytest.mark.parametrize("spelt", ["1", "true", "True", "YES", "yes", "on", "On"])
def test_tls_is_on_however_yes_is_spelt(monkeypatch: pytest.MonkeyPatch, spelt: str) -> None:
    made = mail(monkeypatch, f"smtp://user:pass%40word@mail.example.com:587?tls={spelt}")
    assert (made["EMAIL_USE_TLS"], made["EMAIL_USE_SSL"]) == (True, False)
    assert made["EMAIL_HOST_PASSWORD"] == "pass@word"


@pytest.mark.parametrize(
    ("url", "tls", "implicit", "port"),
    [
        ("smtp://mail.example.com", False, False, 25),
        ("smtp://mail.example.com/?tls=0", False, False, 25),
        ("smtps://mail.example.com", False, True, 465),
        ("smtps://mail.example.com:4650?tls=1", False, True, 4650),
        ("SMTPS://mail.example.com?tls=yes", False, True, 465),
    ],
)
def test_mail_is_sent_as_the_address_says(
    monkeypatch: pytest.MonkeyPatch, url: str, tls: bool, implicit: bool, port: int
) -> None:
    made = mail(monkeypatch, url)
    assert (made["EMAIL_USE_TLS"], made["EMAIL_USE_SSL"], made["EMAIL_PORT"]) == (tls, implicit, port)


@pytest.mark.parametrize(
    "url",
    [
        f"smtp://u:{SECRET}@mail.example.com?tls=perhaps",
        f"smtp://u:{SECRET}@mail.example.com?tls=",
        f"smtp://u:{SECRET}@mail.example.com?starttls=1",
        f"smtp://u:{SECRET}@mail.example.com:465",
        f"smtps://u:{SECRET}@mail.example.com?tls=0",
        f"smtp://u:{SECRET}#more@mail.example.com",
        f"smtp://mail.example.com#{SECRET}",
        f"smtp://u:{SECRET}@mail.example.com/folder",
        "file://folder/mail",
        "file:mail",
        f"smtp://u:{SECRET}@mail.example.com?tls=1&tls=0",
        f"smtp://u:{SECRET}@mail.example.com:0",
        f"smtp://u:{SECRET}@mail.example.com%00",
        f"smtp://u:{SECRET}\udcff@mail.example.com",
        "file:///",
        "file:///mail?tls=1",
        "file:///etc/passwd",
        "file:///mail%ff",
        "console://mail.example.com",
        "console:///folder",
        "console://?tls=1",
        f"smtp://u:{SECRET}%ff@mail.example.com",
        f"smtp://u:{SECRET}@ma\nil.example.com",
        f"smtp://u:{SECRET}@ma il.example.com",
        f"smtp://u:{SECRET}@ma\u0131l.example.com",
        f"smtp://u:{SECRET}@[::1::2]",
        f"smtp://u:{SECRET}@mail.example.com?tls=%ff",
    ],
)
def test_an_address_of_mail_that_says_two_things_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    with pytest.raises(BadEnvironment, match="EMAIL_URL") as told:
        mail(monkeypatch, url)
    assert SECRET not in str(told.value)
    assert str(told.value).endswith(".")


@pytest.mark.parametrize(
    "hosts",
    [
        "https://currents.example.com",
        "currents.example.com:443",
        "currents.example.com/",
        '["currents.example.com"]',
        "::1",
        "a b",
        "currents.example.com.",
        "*.example.com",
        "\u0131.example.com",
        "\u017f.example.com",
        "\u0130.example.com",
        "\u212a.example.com",
        "[::1::2]",
        "[1.2.3.4]",
        "a\nb",
        "\x1b[2J",
    ],
)
def test_what_is_no_host_name_is_refused(monkeypatch: pytest.MonkeyPatch, hosts: str) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", hosts)
    with pytest.raises(BadEnvironment, match="host names alone") as told:
        env_urls.hosts("ALLOWED_HOSTS")
    assert str(told.value).isprintable()


def test_host_names_are_taken_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOWED_HOSTS", "Currents.example.com, .example.org,10.0.0.5,[::1],web_1,*")
    assert env_urls.hosts("ALLOWED_HOSTS") == [
        *("Currents.example.com", ".example.org", "10.0.0.5", "[::1]", "web_1", "*")
    ]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("HTTPS://Currents.Example.com/", "https://currents.example.com"),
        ("https://currents.example.com:443", "https://currents.example.com"),
        ("http://currents.example.com:80/", "http://currents.example.com"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_of_the_site_has_one_spelling(
    monkeypatch: pytest.MonkeyPatch, given: str, meant: str
) -> None:
    monkeypatch.setenv("SITE_URL", given)
    assert env_urls.site("SITE_URL", "") == meant


@pytest.mark.parametrize(
    "site",
    [
        "https://example.com/currents",
        "https://example.com?a=1",
        "https://example.com/#x",
        f"https://me:{SECRET}@example.com",
        "https://münchen.example",
        "https://.example.com",
        "https://example.com:0",
        "https://a b.example",
        "https:///path",
        "https://exam\nple.com",
        "https://exam\tple.com",
        "https://\u017f.example",
        "https://\u212a.example",
        "https://[::1::2]",
        f"me:{SECRET}@example.com",
    ],
)
def test_an_address_with_more_than_an_origin_is_refused(monkeypatch: pytest.MonkeyPatch, site: str) -> None:
    monkeypatch.setenv("SITE_URL", site)
    with pytest.raises(BadEnvironment, match="SITE_URL") as told:
        env_urls.site("SITE_URL", "")
    assert SECRET not in str(told.value)


@pytest.mark.parametrize(
    "given", ["currents@localhost", "Currents <c@example.com>", '"A, B" <c@example.com>']
)
def test_mails_may_be_from_one_address(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", given)
    assert env_mail.sender("DEFAULT_FROM_EMAIL", "") == given


@pytest.mark.parametrize(
    "given",
    [
        "nobody",
        "@example.com",
        "me@",
        "A, B <c@example.com>",
        "a@b\nBcc: c@d",
        "a@b.c, d@e.f",
        "<a@b",
        "a@b,",
        "a@[::1",
        "A <a@b c>",
        "a@\u212a",
    ],
)
def test_mails_from_nobody_or_many_are_one_sentence(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", given)
    with pytest.raises(BadEnvironment, match="DEFAULT_FROM_EMAIL"):
        env_mail.sender("DEFAULT_FROM_EMAIL", "")


@pytest.mark.parametrize(
    "given",
    [
        "https://proxy.example.com",
        "socks5://proxy:1080",
        "http://pro\u0131xy",
        "http://h\u212a",
        "http://h?x",
        "http://u:%ff@h",
        "http://",
        "a:b:c",
    ],
)
def test_a_proxy_that_cannot_be_used_is_one_sentence(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", given)
    with pytest.raises(BadEnvironment, match="HTTPS_PROXY"):
        env_urls.check_proxies()
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.com:3128")
    env_urls.check_proxies()
