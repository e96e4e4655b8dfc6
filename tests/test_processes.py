"""Real processes, killed at random while requests, events and jobs flow: nothing is lost, nothing is done twice."""

import asyncio
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from app.core.audit import Resource
from app.core.config import Settings
from app.core.db import PUBLIC, Database
from app.core.jobs import ask
from app.models.identity import Role
from tests import processes
from tests.world import Actor, World

ROOT = Path(__file__).resolve().parents[1]
KILLS = 25


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Herd:
    """A server and two workers, each of which comes back when it is killed."""

    def __init__(self, settings: Settings, port: int) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.processes"])
        self._bodies: list[tuple[Callable[..., None], tuple[object, ...]]] = [
            (processes.serve, (settings, port)),
            (processes.work, (settings,)),
            (processes.work, (settings,)),
        ]
        self._alive = [self._start(place) for place in range(len(self._bodies))]

    def _start(self, place: int) -> ForkServerProcess:
        body, arguments = self._bodies[place]
        process = self._context.Process(target=body, args=arguments)
        process.start()
        return process

    def kill(self, place: int) -> None:
        self._alive[place].kill()
        self._alive[place].join()
        self._alive[place] = self._start(place)

    def end(self) -> list[int | None]:
        """In order; their exit codes."""
        for process in self._alive:
            process.terminate()
        for process in self._alive:
            process.join(20)
        return [process.exitcode for process in self._alive]


async def _register(office: Actor, base: str, body: dict[str, str]) -> UUID:
    """As a client should: with one key until it is answered."""
    key = uuid4().hex
    headers = {"Idempotency-Key": key, "Authorization": f"Bearer {office.token}"}
    async with httpx.AsyncClient(base_url=base, headers=headers, timeout=10) as client:
        while True:
            try:
                answer = await client.post("/v1/organisations", json=body)
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 201:
                return UUID(answer.json()["id"])
            assert answer.json()["code"] in {"busy", "idempotency_in_flight"}, answer.text
            await asyncio.sleep(0.05)


async def test_kills_lose_nothing_and_double_nothing(world: World, settings: Settings) -> None:
    seed = uuid4().int
    print(f"seed {seed}")
    chance = random.Random(seed)  # noqa: S311 - moments and victims, no secrets
    office = await world.person(Role.LEAGUE_OFFICE)
    base = f"http://127.0.0.1:{(port := _free_port())}"
    registered: list[UUID] = []
    asked: list[UUID] = []
    servers_killed: list[int] = []
    over = asyncio.Event()

    async def register_on() -> None:
        while not over.is_set():
            name = f"示例单位{len(registered)}（示例）"
            body = {"name": name, "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}
            registered.append(await _register(office, base, body))

    async def ask_on() -> None:
        while not over.is_set():
            subject = uuid4()
            async with requests.transaction(PUBLIC) as session:
                about = Resource("test", subject)
                await ask(session, processes.KIND, key=f"direct:{subject}", about=about, payload=_payload(subject))
            asked.append(subject)
            await asyncio.sleep(0.05)

    async def kill_on() -> None:
        answered = 0
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.05, 0.4))
            # A server that has answered nothing yet would be killed at its start again and again.
            victim = chance.choice([0, 0, 1, 2] if len(registered) > answered else [1, 2])
            if victim == 0:
                answered = len(registered)
                servers_killed.append(answered)
            else:
                await _a_job_in_hand(world)
            await asyncio.to_thread(herd.kill, victim)
        over.set()

    requests = Database(settings.app_url, pool_size=2)
    herd = _Herd(settings, port)
    try:
        await asyncio.gather(kill_on(), ask_on(), *(register_on() for _ in range(3)))
        await _until_done(world, len(asked) + len(registered))
    finally:
        codes = await asyncio.to_thread(herd.end)
        await requests.dispose()

    assert [row.state for row in await world.rows("SELECT DISTINCT state FROM jobs")] == ["done"]
    effects = Counter(
        [row.resource_id for row in await world.rows("SELECT resource_id FROM audit_entries WHERE action = 'effect'")]
    )
    assert effects == Counter(asked) + Counter(registered)
    assert set(effects.values()) == {1}
    stored = [row.id for row in await world.rows("SELECT id FROM organisations")]
    assert Counter(stored) == Counter(registered)
    # Not vacuous: workers died with jobs in hand, servers with requests, and both streams flowed.
    [(repeated,)] = await world.rows("SELECT count(*) FROM jobs WHERE attempts > 1")
    assert repeated > 0
    assert servers_killed
    assert min(len(asked), len(registered)) > len(servers_killed)
    assert codes[1:] == [0, 0]


def _payload(subject: UUID) -> dict[str, str]:
    return {"resource_id": str(subject)}


async def _a_job_in_hand(world: World) -> None:
    """One of the two workers is in the middle of something; not waited for longer than a busy machine needs."""
    for _ in range(50):
        if await world.rows("SELECT id FROM jobs WHERE state = 'claimed'"):
            return
        await asyncio.sleep(0.01)


async def _until_done(world: World, jobs: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        [(done, waiting)] = await world.rows(
            "SELECT (SELECT count(*) FROM jobs WHERE state = 'done'), "
            "(SELECT count(*) FROM outbox_events WHERE delivered_at IS NULL)"
        )
        if (done, waiting) == (jobs, 0):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"{done} of {jobs} jobs are done, {waiting} events wait")


def _children(parent: int) -> list[int]:
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    pairs = [line.split() for line in listed.splitlines()]
    return [int(pid) for pid, its_parent in pairs if int(its_parent) == parent]


def _command(*arguments: str, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "app", *arguments], cwd=ROOT, **options)


@pytest.fixture
def environment(world: World, settings: Settings) -> dict[str, str]:
    """For commands, on this test's database."""
    urls = {
        "DATABASE_URL": settings.app_url,
        "DATABASE_OWNER_URL": settings.owner_url,
        "DATABASE_WORKER_URL": settings.worker_url,
        "SECRET_KEY": settings.secret_key.get_secret_value(),
    }
    return {**os.environ, **urls, "PORT": str(_free_port())}


async def test_dev_keeps_a_worker_beside_the_server(
    settings: Settings, environment: dict[str, str], tmp_path: Path
) -> None:
    """The worker comes back when it is killed, and goes with the server."""

    async def workers(count: int) -> list[int]:
        deadline = time.monotonic() + 60
        # Before it serves, the parent itself connects as the worker's role for a moment.
        # A worker has several connections: one for its jobs, others for what it sends.
        while len(_children(server.pid)) < count or (await _connected(settings) > 0) != (count > 0):
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            await asyncio.sleep(0.1)
        return _children(server.pid)

    with (tmp_path / "log").open("w") as log:
        server = _command("dev", env=environment, stdout=log, stderr=log)
    try:
        [child] = await workers(1)
        os.kill(child, signal.SIGKILL)
        await workers(0)
        [other] = await workers(1)
        assert other != child
        server.terminate()
        assert await asyncio.to_thread(server.wait, 60) == 128 + signal.SIGTERM
        assert await _connected(settings) == 0
    finally:
        server.kill()
        server.wait()


async def test_a_worker_ends_with_the_process_that_it_is_tied_to(
    settings: Settings, environment: dict[str, str]
) -> None:
    """Whichever way that process ends: its end of the pipe closes."""
    worker = _command("worker", "--tied", env=environment, stdin=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while await _connected(settings) == 0:
            assert worker.poll() is None
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
        assert worker.stdin is not None
        worker.stdin.close()
        assert await asyncio.to_thread(worker.wait, 60) == 0
    finally:
        worker.kill()
        worker.wait()


async def _connected(settings: Settings) -> int:
    """Connections of the worker's role to this database."""
    database = Database(settings.owner_url, pool_size=1)
    try:
        async with database.engine.connect() as connection:
            statement = (
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND usename = 'liangshan_worker'"
            )
            return int(await connection.scalar(text(statement)) or 0)
    finally:
        await database.dispose()
