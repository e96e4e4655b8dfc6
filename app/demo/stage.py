"""The running API and its worker as the demo uses them: a clock and ids of its own, and people who act over HTTP."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy import select

from app.core.clock import uuid7
from app.core.config import Settings
from app.core.db import Database
from app.core.edge import Edge
from app.core.limits import UNLIMITED
from app.demo.people import CLIENT_ID, PASSWORD
from app.main import create_api, running
from app.models.jobs import Job
from app.worker import HANDLERS, SUBSCRIBERS, Worker

CLIENT_SECRET = "demo-client-secret-of-the-league-ledger"  # noqa: S105 - `serve` refuses a database with it


class DemoError(Exception):
    """The API refused a step of the demo: a fault of the demo or of the API, never to be passed over."""


class DemoClock:
    """Starts on a fixed day and moves a little with each act, so that one login lasts for a whole year's acts."""

    def __init__(self, start: datetime) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    def tick(self) -> None:
        self.time += timedelta(seconds=1)


class DemoIds:
    """Ids from a seed."""

    def __init__(self) -> None:
        self._random = random.Random(152500)  # noqa: S311 - reproducible, not secret

    def dossier(self, now: datetime) -> UUID:
        return uuid7(now, self._random.getrandbits(74))

    def random(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)


class Actor:
    """Somebody of the demo, acting over HTTP."""

    def __init__(self, http: httpx.AsyncClient, clock: DemoClock, token: str, name: str) -> None:
        self._http = http
        self._clock = clock
        self._headers = {"Authorization": f"Bearer {token}"}
        self._name = name

    async def get(self, path: str) -> httpx.Response:
        return self._checked(await self._http.get(path, headers=self._headers))

    async def listed(self, path: str) -> list[dict[str, Any]]:
        """A list's first page; no list of the demo is longer."""
        items: list[dict[str, Any]] = (await self.get(path)).json()["items"]
        return items

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        self._clock.tick()
        key = {"Idempotency-Key": f"demo-{self._clock.now().timestamp():.0f}"}
        return self._checked(await self._http.post(path, json=body, headers={**self._headers, **key, **headers}))

    async def patch(self, path: str, body: Any) -> httpx.Response:
        return await self._change("PATCH", path, body)

    async def put(self, path: str, body: Any) -> httpx.Response:
        return await self._change("PUT", path, body)

    async def act(self, path: str, action: str, body: Any = None) -> httpx.Response:
        tag = (await self.get(path)).headers["etag"]
        return await self.post(f"{path}/{action}", body, **{"If-Match": tag})

    async def _change(self, method: str, path: str, body: Any) -> httpx.Response:
        self._clock.tick()
        tag = (await self.get(path)).headers["etag"]
        headers = {**self._headers, "If-Match": tag}
        return self._checked(await self._http.request(method, path, json=body, headers=headers))

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            raise DemoError(f"{self._name}: {answer.request.method} {answer.request.url.path}: {answer.text}")
        return answer


class Stage:
    """The running API, its worker, and its actors."""

    def __init__(self, http: httpx.AsyncClient, clock: DemoClock, database: Database) -> None:
        self._http = http
        self._clock = clock
        self._database = database
        self._actors: dict[str, Actor] = {}

    async def actor(self, username: str) -> Actor:
        return self._actors.get(username) or await self.renewed(username)

    async def renewed(self, username: str) -> Actor:
        """Logged in again: the token from before has ended with a change of what they may do."""
        form = {"grant_type": "password", "username": username, "password": PASSWORD}
        self._actors[username] = await self._login(username, form)
        return self._actors[username]

    async def client(self) -> Actor:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        return await self._login(CLIENT_ID, form)

    async def work(self) -> None:
        """What was asked for is done: all of it, for the demo has no later."""
        await Worker(self._database, HANDLERS, SUBSCRIBERS).drain()
        async with self._database.administration() as session:
            failed = (await session.scalars(select(Job.last_error).where(Job.state != "done"))).all()
        if failed:
            raise DemoError(f"the worker failed: {failed}")

    def turn_to(self, day: datetime) -> None:
        """Time passes; everybody logs in anew."""
        self._clock.time = day
        self._actors.clear()

    async def _login(self, name: str, form: dict[str, str]) -> Actor:
        answer = await self._http.post("/v1/auth/token", data=form)
        if answer.is_error:
            raise DemoError(f"{name} cannot log in: {answer.text}")
        return Actor(self._http, self._clock, answer.json()["access_token"], name)


@asynccontextmanager
async def stage(settings: Settings, database: Database, clock: DemoClock, ids: DemoIds) -> AsyncIterator[Stage]:
    """`database` is the worker's."""
    quiet = settings.model_copy(update={"log_level": "ERROR", "access_token_seconds": 3600, **UNLIMITED})
    api = create_api(quiet)
    transport = httpx.ASGITransport(Edge(api, max_body_bytes=settings.max_body_bytes))
    async with (
        running(api, quiet, clock=clock, ids=ids),
        httpx.AsyncClient(transport=transport, base_url="http://demo") as http,
    ):
        yield Stage(http, clock, database)


def at(year: int, month: int, day: int) -> datetime:
    """Nine in the morning of the league's day."""
    return datetime(year, month, day, 1, tzinfo=UTC)
