"""Roles and database, made once by an administrator of the server (roles belong to the cluster, not to a database).

None of the four is superuser or BYPASSRLS. `app` is never a member of `engine`: membership would open the
wall without any SET ROLE. The script is idempotent and is printed for a DBA who prefers to run it by hand.
"""

from urllib.parse import unquote, urlsplit

import asyncpg

from app.models.ddl import APP, ENGINE, OWNER, WORKER

_ROLES = {OWNER: "LOGIN", APP: "LOGIN", ENGINE: "NOLOGIN", WORKER: "LOGIN"}
MINIMUM_VERSION = 150000


class BootstrapError(Exception):
    """The server or its locale cannot carry the product."""


def role_statements(passwords: dict[str, str]) -> list[str]:
    """SQL that makes or repairs the four roles; a role without a password entry keeps the one it has."""
    statements = []
    for role, login in _ROLES.items():
        statements.append(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
            f"THEN CREATE ROLE {role}; END IF; END $$"
        )
        statements.append(
            f"ALTER ROLE {role} {login} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION INHERIT"
        )
        if role in passwords:
            literal = passwords[role].replace("'", "''")
            statements.append(f"ALTER ROLE {role} PASSWORD '{literal}'")
    statements += [
        f"GRANT {ENGINE} TO {OWNER}",
        f"GRANT {ENGINE} TO {WORKER}",
        # A recusal that waits two seconds ends the backend of the reader that it waits for.
        f"GRANT pg_signal_backend TO {ENGINE}",
    ]
    return statements


def database_statement(name: str) -> str:
    """SQL that makes the database: UTF-8, and never the C locale (Chinese search would find nothing)."""
    return (
        f'CREATE DATABASE "{name}" OWNER {OWNER} TEMPLATE template0 '
        "ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"
    )


def passwords_of(*urls: str | None) -> dict[str, str]:
    """Role → password, as the addresses that the processes will use state them."""
    found = {}
    for url in urls:
        parts = urlsplit(url or "")
        if parts.username in _ROLES and parts.password:
            found[parts.username] = unquote(parts.password)
    return found


async def bootstrap(admin_url: str, database: str, passwords: dict[str, str]) -> None:
    """Make roles and database where they are missing. Raises `BootstrapError` where the server does not fit."""
    connection = await asyncpg.connect(admin_url.replace("+asyncpg", ""))
    try:
        if connection.get_server_version().major * 10000 < MINIMUM_VERSION:
            raise BootstrapError("PostgreSQL 15 or newer is needed")
        # Roles are the cluster's: two machines that start together must not alter them at once.
        await connection.execute("SELECT pg_advisory_lock(7204811001)")
        for statement in role_statements(passwords):
            await connection.execute(statement)
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            await connection.execute(database_statement(database))
        ctype = await connection.fetchval("SELECT datctype FROM pg_database WHERE datname = $1", database)
        if ctype in {"C", "POSIX"}:
            raise BootstrapError(f"the database {database} has LC_CTYPE {ctype}; make it with C.UTF-8")
    finally:
        await connection.close()
