"""An address in the environment means what a person expects of its spelling, or stops the start in one sentence."""

from __future__ import annotations

import ssl
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import psycopg
import pytest
from kombu.connection import Connection
from psycopg import sql
from redis import Redis

from currents_admin import env_urls
from currents_admin.env import BadEnvironment
from tests.support.serving import database_url

SECRET = "not-to-be-shown"


def mail(monkeypatch: pytest.MonkeyPatch, url: str) -> dict[str, Any]:
    monkeypatch.setenv("EMAIL_URL", url)
    return env_urls.mail("EMAIL_URL", "")


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


def connects_to(url: str) -> dict[str, Any]:
    """How kombu's transport would connect."""
    client = Connection(url)
    channel = client.transport.Channel
    made = channel.__new__(channel)
    made.connection = SimpleNamespace(client=client, default_port=6379)
    found: dict[str, Any] = channel._connparams(made)
    return found


def certificates(url: str) -> object:
    """What redis-py asks of the server's certificate."""
    made: Any = Redis.from_url(url).connection_pool.make_connection()
    return made.cert_reqs


@pytest.mark.parametrize(
    "url", ["unix:///run/redis.sock?db=2", "redis+socket:///run/redis.sock?virtual_host=2"]
)
def test_a_socket_of_redis_is_found_by_both_libraries(url: str) -> None:
    made = env_urls.redis("REDIS_URL", url)
    asked = Redis.from_url(made.url).connection_pool.connection_kwargs
    assert (asked["path"], asked["db"]) == ("/run/redis.sock", 2)
    broker = connects_to(made.broker_url)
    assert (broker["path"], broker["db"]) == ("/run/redis.sock", 2)


def test_certificates_of_redis_are_checked_unless_it_says_otherwise() -> None:
    checked = env_urls.redis("REDIS_URL", "rediss://:word@redis.example.com/1")
    assert connects_to(checked.broker_url)["ssl_cert_reqs"] == ssl.CERT_REQUIRED
    assert certificates(checked.url) == ssl.CERT_REQUIRED
    unchecked = env_urls.redis("REDIS_URL", "rediss://redis.example.com/1?ssl_cert_reqs=CERT_NONE")
    assert connects_to(unchecked.broker_url)["ssl_cert_reqs"] == ssl.CERT_NONE
    assert certificates(unchecked.url) == ssl.CERT_NONE


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{SECRET}@127.0.0.1/currents",
        f"redis://:{SECRET}@127.0.0.1/0?timeout=1",
        f"rediss://:{SECRET}@127.0.0.1/0?ssl_cert_reqs=perhaps",
        "redis:///0",
        "unix://run/redis.sock",
        "unix:///run/redis.sock?db=currents",
        "unix://",
        "unix:run/redis.sock",
        f"redis://:{SECRET}@127.0.0.1:0/0",
        f"redis://:{SECRET}%00@127.0.0.1/0",
        f"rediss://:{SECRET}@127.0.0.1/0?ssl_cert_reqs=required&ssl_cert_reqs=none",
        f"rediss://:{SECRET}@127.0.0.1/0?ssl_check_hostname=maybe",
        f"rediss://:{SECRET}@127.0.0.1/0?ssl_ca_certs=/nowhere/ca.pem",
        f"redis://:{SECRET}%ff@127.0.0.1/0",
        f"redis://:{SECRET}@127.0.0.1/\u00b2",
        f"redis://:{SECRET}@127.0\n.0.1/0",
        f"redis://:{SECRET}@re dis/0",
    ],
)
def test_an_address_no_redis_can_have_is_one_sentence(url: str) -> None:
    with pytest.raises(BadEnvironment, match="REDIS_URL") as told:
        env_urls.redis("REDIS_URL", url)
    assert SECRET not in str(told.value)


def test_the_schema_of_a_database_address_is_its_search_path() -> None:
    made = env_urls.database(
        "DATABASE_URL", "postgresql://u@h/d?schema=my%20own&options=-c%20jit%3Doff&sslmode=require"
    )
    assert made["OPTIONS"] == {"options": r'-c jit=off -csearch_path="my\ own"', "sslmode": "require"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("schema", ["plain", "My%20own%22%5C", "a,b"])
def test_postgresql_looks_for_tables_in_the_schema(schema: str) -> None:
    made = env_urls.database("DATABASE_URL", f"postgresql://u@h/d?schema={schema}")
    with psycopg.connect(database_url(), options=made["OPTIONS"]["options"]) as line:
        line.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(unquote(schema))))
        found = line.execute("SELECT current_schema()").fetchone()
        line.rollback()
    assert found == (unquote(schema),)


def test_an_address_for_pgbouncer_does_without_prepared_statements() -> None:
    assert env_urls.database("DATABASE_URL", "postgres://u@h/d?pgbouncer=true")["OPTIONS"] == {
        "prepare_threshold": None
    }
    assert env_urls.database("DATABASE_URL", "postgres://u@h/d?pgbouncer=false")["OPTIONS"] == {}


@pytest.mark.parametrize(
    "query",
    [
        *("connection_limit=5", "sslmode=on", "ssl=true", "connect_timeout=long", "pgbouncer=perhaps"),
        *("schema#x", "sslmode=require&sslmode=disable", "schema=%00", "connect_timeout=\u00b2"),
        *("connect_timeout=99999999999", "port=abc", "port=", "gssencmode=zz", "channel_binding=yes"),
        *("target_session_attrs=rw", "load_balance_hosts=on", "keepalives=yes", "tcp_user_timeout=1s"),
        *("client_encoding=latin1", "replication=database", "application_name=%ff", "sslmode=req\nuire"),
        *("ssl_min_protocol_version=1.2", "user=other", "port=5433&x", "dbname=other", "sslcertmode=no"),
    ],
)
def test_a_parameter_postgresql_does_not_know_is_one_sentence(query: str) -> None:
    with pytest.raises(BadEnvironment, match="DATABASE_URL") as told:
        env_urls.database("DATABASE_URL", f"postgresql://u:{SECRET}@h:5432/d?{query}")
    assert SECRET not in str(told.value)


def test_what_stands_behind_the_question_mark_counts_as_before_it() -> None:
    made = env_urls.database(
        "DATABASE_URL", "postgresql:///d?host=/run&port=5433&user=u&password=p%40&dbname=d"
    )
    assert {name: made[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")} == {
        "NAME": "d",
        "USER": "u",
        "PASSWORD": "p@",
        "HOST": "/run",
        "PORT": "5433",
        "OPTIONS": {},
    }


@pytest.mark.parametrize(
    "address",
    ["postgresql://h/a/b", "postgresql://h\u0131/d", "postgresql://\u212a/d", "postgresql://h/d%ff"],
)
def test_an_address_no_database_can_have_is_one_sentence(address: str) -> None:
    with pytest.raises(BadEnvironment, match="DATABASE_URL"):
        env_urls.database("DATABASE_URL", address)


@pytest.mark.parametrize(("spelt", "meant"), [("no", False), ("TRUE", True), ("0", False)])
def test_both_libraries_check_the_name_in_a_certificate_or_neither(spelt: str, meant: bool) -> None:
    made = env_urls.redis("REDIS_URL", f"rediss://redis.example.com/1?ssl_check_hostname={spelt}")
    connection: Any = Redis.from_url(made.url).connection_pool.make_connection()
    assert (connection.check_hostname, connects_to(made.broker_url)["ssl_check_hostname"]) == (meant, meant)


@pytest.mark.parametrize(
    "given", ["currents@localhost", "Currents <c@example.com>", '"A, B" <c@example.com>']
)
def test_mails_may_be_from_one_address(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("DEFAULT_FROM_EMAIL", given)
    assert env_urls.sender("DEFAULT_FROM_EMAIL", "") == given


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
        env_urls.sender("DEFAULT_FROM_EMAIL", "")


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
