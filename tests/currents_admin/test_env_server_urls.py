"""The address of a database or broker means what a person expects, or stops the start in one sentence."""

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

from currents_admin import env_redis, env_urls
from currents_admin.env import BadEnvironment
from tests.support.serving import database_url

SECRET = "not-to-be-shown"


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
    made = env_redis.redis("REDIS_URL", url)
    asked = Redis.from_url(made.url).connection_pool.connection_kwargs
    assert (asked["path"], asked["db"]) == ("/run/redis.sock", 2)
    broker = connects_to(made.broker_url)
    assert (broker["path"], broker["db"]) == ("/run/redis.sock", 2)


def test_certificates_of_redis_are_checked_unless_it_says_otherwise() -> None:
    checked = env_redis.redis("REDIS_URL", "rediss://:word@redis.example.com/1")
    assert connects_to(checked.broker_url)["ssl_cert_reqs"] == ssl.CERT_REQUIRED
    assert certificates(checked.url) == ssl.CERT_REQUIRED
    unchecked = env_redis.redis("REDIS_URL", "rediss://redis.example.com/1?ssl_cert_reqs=CERT_NONE")
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
        env_redis.redis("REDIS_URL", url)
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
    made = env_redis.redis("REDIS_URL", f"rediss://redis.example.com/1?ssl_check_hostname={spelt}")
    connection: Any = Redis.from_url(made.url).connection_pool.make_connection()
    assert (connection.check_hostname, connects_to(made.broker_url)["ssl_check_hostname"]) == (meant, meant)
