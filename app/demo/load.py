"""Loads the demo world through the API itself: real tokens, real rules, real audit, a clock of its own.

Ids and times come from a fixed seed and a fixed day, so two loads are alike.
"""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import httpx
from fastapi import FastAPI

from app.auth import passwords, registry
from app.core.clock import uuid7
from app.core.config import Settings
from app.core.db import Database
from app.core.edge import Edge
from app.demo import library
from app.demo.people import ACCOUNTS, CLIENT_ID, ORGANISATIONS, PASSWORD, REGIONS, SOURCE_SYSTEM, DemoAccount
from app.main import create_api, running
from app.models.directory import Organisation
from app.models.identity import Employment

YEAR = library.YEAR
_START = datetime(YEAR, 2, 2, 1, 0, tzinfo=UTC)
_CLIENT_SECRET = "demo-client-secret-of-the-league-ledger"  # noqa: S105 - `serve` refuses a database with it


class DemoClock:
    """Starts on a fixed day and moves a little with each act, so that one login lasts for the whole load."""

    def __init__(self) -> None:
        self.time = _START

    def now(self) -> datetime:
        return self.time

    def tick(self) -> None:
        self.time += timedelta(seconds=5)


class DemoIds:
    """Ids from a seed."""

    def __init__(self) -> None:
        self._random = random.Random(152500)  # noqa: S311 - reproducible, not secret

    def dossier(self, now: datetime) -> UUID:
        return uuid7(now, self._random.getrandbits(74))

    def random(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)


def demo_id(key: str) -> UUID:
    """The id of a named thing of the demo, the same in every load."""
    return uuid5(NAMESPACE_URL, f"urn:liangshan:demo:{key}")


class DemoError(Exception):
    """The API refused a step of the demo: a fault of the demo or of the API, never to be passed over."""


class Actor:
    """Somebody of the demo, acting over HTTP."""

    def __init__(self, http: httpx.AsyncClient, clock: DemoClock, token: str, name: str) -> None:
        self._http = http
        self._clock = clock
        self._headers = {"Authorization": f"Bearer {token}"}
        self._name = name
        self._acts = 0

    async def get(self, path: str) -> httpx.Response:
        return self._checked(await self._http.get(path, headers=self._headers))

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        self._clock.tick()
        self._acts += 1
        key = {"Idempotency-Key": f"demo-{self._name}-{self._acts}"}
        return self._checked(await self._http.post(path, json=body, headers={**self._headers, **key, **headers}))

    async def patch(self, path: str, body: Any) -> httpx.Response:
        self._clock.tick()
        tag = (await self.get(path)).headers["etag"]
        return self._checked(await self._http.patch(path, json=body, headers={**self._headers, "If-Match": tag}))

    async def act(self, path: str, action: str, body: Any = None) -> httpx.Response:
        tag = (await self.get(path)).headers["etag"]
        return await self.post(f"{path}/{action}", body, **{"If-Match": tag})

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            raise DemoError(f"{self._name}: {answer.request.method} {answer.request.url.path}: {answer.text}")
        return answer


class Stage:
    """The running API and its actors."""

    def __init__(self, http: httpx.AsyncClient, clock: DemoClock) -> None:
        self._http = http
        self._clock = clock
        self._actors: dict[str, Actor] = {}

    async def actor(self, username: str) -> Actor:
        if username not in self._actors:
            form = {"grant_type": "password", "username": username, "password": PASSWORD}
            self._actors[username] = await self._login(username, form)
        return self._actors[username]

    async def client(self) -> Actor:
        form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": _CLIENT_SECRET}
        return await self._login(CLIENT_ID, form)

    async def _login(self, name: str, form: dict[str, str]) -> Actor:
        answer = await self._http.post("/v1/auth/token", data=form)
        if answer.is_error:
            raise DemoError(f"{name} cannot log in: {answer.text}")
        return Actor(self._http, self._clock, answer.json()["access_token"], name)


async def load(settings: Settings) -> None:
    """Everything, into an empty database: directory and people as the operator, the rest as its people."""
    clock, ids = DemoClock(), DemoIds()
    database = Database(settings.worker_url, clock=clock, ids=ids, pool_size=1)
    try:
        await _directory(database)
    finally:
        await database.dispose()
    quiet = settings.model_copy(update={"log_level": "ERROR", "access_token_seconds": 3600})
    async with _stage(quiet, clock, ids) as stage:
        await _tasks(stage)
        await _library(stage)
        for code, state in library.PLANS.items():
            await _plan(stage, code, state)


@asynccontextmanager
async def _stage(settings: Settings, clock: DemoClock, ids: DemoIds) -> AsyncIterator[Stage]:
    api: FastAPI = create_api(settings)
    async with (
        running(api, settings, clock=clock, ids=ids),
        httpx.AsyncClient(transport=_transport(api, settings), base_url="http://demo") as http,
    ):
        yield Stage(http, clock)


def _transport(api: FastAPI, settings: Settings) -> httpx.ASGITransport:
    return httpx.ASGITransport(Edge(api, max_body_bytes=settings.max_body_bytes))


async def _directory(database: Database) -> None:
    # One digest for all: it is the same published password, and hashing is slow on purpose.
    hashed = await passwords.hash_password(PASSWORD)
    async with database.administration() as session:
        for body in ORGANISATIONS:
            session.add(
                Organisation(
                    id=demo_id(body.key),
                    name=body.name,
                    kind=body.kind,
                    credit_code=body.credit_code,
                    no_code_reason=None if body.credit_code else "示例单位",
                    region_code=body.region_code,
                    charge_modes=list(body.charge_modes),
                )
            )
        await session.flush()
        for account in ACCOUNTS:
            await registry.add_person(session, account.name, person_id=demo_id(account.username))
            await registry.add_account(session, demo_id(account.username), account.username, hashed, is_demo=True)
            await registry.add_grant(
                session,
                demo_id(account.username),
                account.role,
                region_code=account.region_code,
                organisation_id=demo_id(account.bound_to) if account.bound_to else None,
            )
            if account.employer:
                session.add(_employment(account))
        await registry.add_client(
            session,
            CLIENT_ID,
            name="盟项目台账系统（示例）",
            organisation_id=demo_id("data"),
            source_system=SOURCE_SYSTEM,
            regions=list(REGIONS),
            secret=_CLIENT_SECRET,
            is_demo=True,
            principal_id=demo_id(CLIENT_ID),
        )


def _employment(account: DemoAccount) -> Employment:
    assert account.employer is not None  # noqa: S101 - the caller looked
    return Employment(
        id=demo_id(f"employment.{account.username}"),
        person_id=demo_id(account.username),
        organisation_id=demo_id(account.employer),
        kind=account.employment,
        posted_region=account.region_code,
        position=None,
        starts_on=datetime(2022, 1, 1, tzinfo=UTC).date(),
        ends_on=None,
    )


async def _tasks(stage: Stage) -> None:
    office = await stage.actor("office1")
    await office.post(
        "/v1/reporting-tasks",
        {"kind": "plan", "title": f"报送{YEAR}年度计划（示例）", "year": YEAR, "due_on": f"{YEAR}-03-31"},
    )


async def _library(stage: Stage) -> None:
    """The league's ledger pushes two projects a region; the office admits most of them."""
    ledger, office = await stage.client(), await stage.actor("office1")
    receipt = (await ledger.post("/v1/imports/projects", {"items": library.project_rows()})).json()
    for row in receipt["rows"]:
        path, index = f"/v1/projects/{row['id']}", row["index"]
        if index in library.WAITING:
            continue
        if index in library.DECLINED:
            await office.act(path, "decline", {"reason": "投资主体资料待补充（示例）"})
            continue
        await office.act(path, "admit")
        if index in library.LEFT:
            await office.act(path, "leave", {"reason": "建设内容与其他项目合并（示例）"})


async def _plan(stage: Stage, code: str, until: str) -> None:
    """Take a region's plan as far as `until`, each step by whoever is entitled to it."""
    editor, approver = await stage.actor(f"editor.{code}"), await stage.actor(f"approver.{code}")
    office = await stage.actor("office2")
    made = await editor.post("/v1/plans", {"region_code": code, "year": YEAR})
    path = made.headers["location"]
    name = REGIONS[code]
    await editor.patch(
        path,
        {
            "resource_assessment": f"{name}以草原生态系统为主，具备修复与特色产业转化条件（示例）。",
            "overview": f"{name}{YEAR}年度“两山”转化工作计划（示例）",
        },
    )
    for section, items in library.plan_parts(name).items():
        for item in items:
            await editor.post(f"{path}/{section}", item)
    if until == "draft":
        return
    await editor.act(path, "submit")
    if until == "awaiting_signature":
        return
    document = {"document_number": f"示例发〔{YEAR}〕{int(code) % 100}号", "document_date": f"{YEAR}-02-27"}
    await approver.act(path, "sign", document)
    if until == "submitted":
        return
    if until == "returned":
        remarks = [{"section": "safeguards", "text": "保障措施请明确责任单位（示例）"}]
        await office.act(path, "return", {"note": "请补正后重新报送（示例）", "remarks": remarks})
        return
    await office.act(path, "file")
    if until == "amending":
        await editor.act(path, "amend", {"reason": "按下达的修复任务调整目标（示例）"})
