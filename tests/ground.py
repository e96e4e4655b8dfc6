"""The server and the template database that tests are cloned from."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import ASGIApp

from app.auth import keys
from app.core.bootstrap import bootstrap, passwords_of
from app.core.config import Settings
from app.core.db import Database
from app.core.edge import Edge
from app.core.limits import UNLIMITED
from app.core.local_postgres import LocalPostgres
from app.core.migrations import migrate
from app.core.routing import larger_bodies
from app.directory.load import load_reference_data
from app.evaluations.schemes.load import load_schemes

SECRET = "a-secret-for-tests-that-is-long-enough"
MAX_BODY_BYTES = 8 * 1024 * 1024


class FrozenClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time

    def advance(self, **by: float) -> None:
        self.time += timedelta(**by)


@dataclass
class Ground:
    """A server with roles, and a template. Database names are unique, so that suites can run side by side."""

    admin_url: str
    template: str

    def settings(self, database: str) -> Settings:
        def url(role: str, password: str) -> SecretStr:
            parts = urlsplit(self.admin_url)
            host = parts.netloc.rsplit("@", 1)[-1]
            return SecretStr(urlunsplit(("postgresql", f"{role}:{password}@{host}", f"/{database}", parts.query, "")))

        return Settings(
            database_url=url("liangshan_app", "app-of-tests"),
            database_owner_url=url("liangshan_owner", "owner-of-tests"),
            database_worker_url=url("liangshan_worker", "worker-of-tests"),
            database_admin_url=SecretStr(self.admin_url),
            secret_key=SecretStr(SECRET),
            public_url="http://liangshan.test",
            log_level="CRITICAL",
            pool_size=4,
            max_body_bytes=MAX_BODY_BYTES,
        ).model_copy(update=UNLIMITED)

    async def clone(self) -> str:
        name = f"liangshan_test_{uuid4().hex[:16]}"
        await self._execute(
            f'CREATE DATABASE "{name}" TEMPLATE "{self.template}" OWNER liangshan_owner STRATEGY file_copy'
        )
        return name

    async def drop(self, name: str) -> None:
        await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def prepare(self) -> None:
        """Roles, template, migrations, reference data, a signing key: as an operator would."""
        settings = self.settings(self.template)
        passwords = passwords_of(settings.owner_url, settings.app_url, settings.worker_url)
        await bootstrap(self.admin_url, self.template, passwords)
        await migrate(settings)
        database = Database(settings.worker_url, pool_size=1)
        async with database.administration() as session:
            await load_reference_data(session)
            await load_schemes(session)
            await keys.ensure(session, SECRET, FrozenClock().now())
        await database.dispose()

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@contextmanager
def make_ground(outside: str | None, folder: Path, *, durable: bool = False) -> Iterator[Ground]:
    template = f"liangshan_template_{os.getpid()}_{uuid4().hex[:6]}"
    if outside:
        ground = Ground(outside.replace("+asyncpg", ""), template)
        asyncio.run(ground.prepare())
        yield ground
        asyncio.run(ground.drop(template))
        return
    server = LocalPostgres(folder, durable=durable)
    try:
        with server:
            ground = Ground(server.admin_url, template)
            asyncio.run(ground.prepare())
            yield ground
    finally:
        server.remove()


def edge_of(api: FastAPI) -> ASGIApp:
    return Edge(api, max_body_bytes=MAX_BODY_BYTES, larger=larger_bodies(api.routes))
