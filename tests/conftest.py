"""The ground of every test: a real PostgreSQL, a database of its own cloned from a migrated template, the
requests' own role, real commits, real signed tokens. Only the clock is replaced.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.core.config import Settings
from app.main import create_api, running
from tests.contract import in_process
from tests.ground import FrozenClock, Ground, make_ground
from tests.world import World


@pytest.fixture(scope="session")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The server (an outside one by DATABASE_ADMIN_URL, else our own) and the migrated template."""
    with make_ground(os.environ.get("DATABASE_ADMIN_URL"), tmp_path_factory.mktemp("postgres")) as made:
        yield made


@pytest.fixture
def settings(ground: Ground) -> Iterator[Settings]:
    """Settings of a fresh database, with the addresses of all three login roles."""
    name = asyncio.run(ground.clone())
    yield ground.settings(name)
    asyncio.run(ground.drop(name))


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture(scope="session")
def shared_api(ground: Ground) -> FastAPI:
    """The application is built once: what it holds while it runs (`running`) is each test's own."""
    return create_api(ground.settings("unused"))


@pytest.fixture
async def api(shared_api: FastAPI, settings: Settings, clock: FrozenClock) -> AsyncIterator[FastAPI]:
    async with running(shared_api, settings, clock=clock):
        yield shared_api


@pytest.fixture
async def http(api: FastAPI) -> AsyncIterator[AsyncClient]:
    """A client without a token, through the edge. Exceptions become answers, as they do for everybody."""
    async with AsyncClient(transport=in_process(api), base_url="http://liangshan.test") as client:
        yield client


@pytest.fixture
async def world(api: FastAPI, settings: Settings, http: AsyncClient) -> AsyncIterator[World]:
    """People, clients and organisations, made as the commands make them; each person has a client of its own."""
    made = World(api, settings)
    yield made
    await made.close()


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the worker's role: sees all rows, and may raise walls."""
    connection = await asyncpg.connect(settings.worker_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


@pytest.fixture
async def owner(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the owner's role: makes tables, and is neither superuser nor BYPASSRLS."""
    connection = await asyncpg.connect(settings.owner_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


@pytest.fixture
async def app_role(settings: Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of the requests' role, with nobody's context set."""
    connection = await asyncpg.connect(settings.app_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def sample() -> bytes:
    """52 example projects as another system would push them: NDJSON."""
    return (Path(__file__).parent / "data" / "projects-sample.ndjson").read_bytes()
