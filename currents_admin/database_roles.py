"""Two roles of the database: the owner migrates, and the product runs as another one that owns nothing.

So whoever takes over a running part can neither take the trigger off the audit log nor empty, drop or make a table.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from django.db import connection
from psycopg import sql

# Entries may be added and read: what the trigger refuses, the role may not even try.
_APPEND_ONLY = "connectors_auditentry"
# What a new role is anyway. To take it from one that is there, one has to be almighty, which an owner need not be.
_POWERLESS = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION"
# A query whose asker is gone ends within seconds, and a forgotten transaction keeps no lock.
_SETTINGS = {"client_connection_check_interval": "2s", "idle_in_transaction_session_timeout": "60s"}


def let_in(runs_as: str) -> None:
    """Makes the role of that address and gives it what the product needs, every time it is prepared. Where owner and
    product are one role, there is nothing to give.

    Raises:
        django.db.Error: the owner may not make roles, and there is none of that name.
    """
    parts = urlsplit(runs_as)
    role, password = unquote(parts.username or ""), unquote(parts.password or "")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolname, current_database(), rolsuper FROM pg_roles WHERE rolname = current_user"
        )
        owner, database, almighty = cursor.fetchone() or ("", "", False)
        if not role or role == owner:
            return
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        # As PostgreSQL keeps it: a statement may stand in the server's log.
        sealed = connection.connection.pgconn.encrypt_password(password.encode(), role.encode()).decode()
        terms = f"{verb} ROLE {{role}} LOGIN {_POWERLESS if almighty else ''} PASSWORD {{password}}"
        for statement in _statements(terms, owner, role, sealed, database):
            cursor.execute(statement.as_string(connection.connection))


def _statements(terms: str, owner: str, role: str, password: str, database: str) -> list[sql.Composed]:
    names = {
        "owner": sql.Identifier(owner),
        "role": sql.Identifier(role),
        "database": sql.Identifier(database),
    }
    texts = [
        terms,
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO {role}",
        "GRANT USAGE ON SCHEMA public TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
        "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"REVOKE UPDATE, DELETE ON {_APPEND_ONLY} FROM {{role}}",
        "REVOKE INSERT, UPDATE, DELETE ON django_migrations FROM {role}",
        *(f"ALTER ROLE {{role}} SET {name} = {{_{name}}}" for name in _SETTINGS),
    ]
    values = {"password": sql.Literal(password)} | {
        f"_{name}": sql.Literal(it) for name, it in _SETTINGS.items()
    }
    return [sql.SQL(text).format(**names, **values) for text in texts]
