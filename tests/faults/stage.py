"""What is killed: a PostgreSQL of this run's own, durable as shipped, two servers and a worker over it, and clients."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx

from app.core import local_cluster
from app.core.config import Settings
from app.core.local_postgres import LocalPostgres
from app.main import create_api, running
from app.models.identity import Role
from tests.faults import processes
from tests.ground import FrozenClock, Ground
from tests.imports.pushing import REGIONS
from tests.races.conftest import free_port
from tests.world import Actor, World

SOURCE = "province-projects"


@dataclass
class Client:
    """A process that pushes. `told`: what it said so far."""

    process: ForkServerProcess
    pipe: "Connection[Any, Any]"
    told: dict[str, Any] = field(default_factory=dict)

    def listen(self) -> dict[str, Any]:
        """All that it said until now; what it said before it died stays in the pipe."""
        with suppress(EOFError, OSError):
            while self.pipe.poll():
                kind, *more = self.pipe.recv()
                self.told[kind] = more
        return self.told

    async def until(self, *kinds: str) -> None:
        deadline = time.monotonic() + processes.PATIENCE
        while self.process.is_alive() and time.monotonic() < deadline:
            if self.listen().keys() & set(kinds):
                return
            await asyncio.sleep(0.002)
        self.listen()

    @property
    def answer(self) -> int | None:
        found = self.told.get("answered")
        return None if found is None else int(found[0])


@dataclass
class Stage:
    settings: Settings
    postgres: LocalPostgres
    cluster: local_cluster.Cluster
    address: str
    token: str
    ports: tuple[int, int]
    _context: ForkServerContext
    _alive: dict[str, ForkServerProcess] = field(default_factory=dict)

    @property
    def bases(self) -> tuple[str, str]:
        first, second = self.ports
        return f"http://127.0.0.1:{first}", f"http://127.0.0.1:{second}"

    def headers(self, key: str) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": key,
        }

    async def connect(self) -> asyncpg.Connection:
        """As the superuser, who sees every row."""
        return await asyncpg.connect(self.address)

    def start(self, name: str) -> None:
        bodies: dict[str, tuple[Callable[..., None], tuple[object, ...]]] = {
            "server": (processes.serve, (self.settings, self.ports[0])),
            "other server": (processes.serve, (self.settings, self.ports[1])),
            "worker": (processes.work, (self.settings,)),
        }
        body, arguments = bodies[name]
        self._alive[name] = self._context.Process(target=body, args=arguments)
        self._alive[name].start()

    def kill(self, name: str) -> None:
        self._alive[name].kill()
        self._alive[name].join()

    def client(self, key: str, query: str, body: bytes, *, pause: float, dies_at: int | None = None) -> Client:
        """A push in 16 pieces; with `dies_at`, one that dies of itself before that byte."""
        cuts = sorted({0, *range(0, len(body), max(1, len(body) // 16)), *([dies_at] if dies_at is not None else [])})
        pieces = [body[start:end] for start, end in zip(cuts, [*cuts[1:], len(body)], strict=True)]
        last = None if dies_at is None else cuts.index(dies_at)
        ours, theirs = self._context.Pipe(duplex=False)
        arguments = (self.bases[0], query, self.headers(key), pieces, pause, last, theirs)
        process = self._context.Process(target=processes.send, args=arguments)
        process.start()
        theirs.close()
        return Client(process, ours)

    def kill_postgres(self) -> None:
        """The postmaster first, so that it takes no leave of anybody, and then whatever is left of it."""
        while running_ones := self.cluster.processes():
            postmaster = self.cluster.postmaster()
            for pid in sorted(running_ones, key=lambda one: one != postmaster):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def restart_postgres(self) -> None:
        """On the same files and port, with the recovery that a crash asks for."""
        before = urlsplit(self.address).port
        self.postgres.start()
        if self.postgres.port != before:
            raise RuntimeError("PostgreSQL came back at another port")

    async def ready(self) -> None:
        async with httpx.AsyncClient(timeout=5) as client:
            for base in self.bases:
                deadline = time.monotonic() + 60
                while True:
                    with suppress(httpx.TransportError):
                        if (await client.get(f"{base}/readyz")).status_code == 200:
                            break
                    if time.monotonic() > deadline:
                        raise RuntimeError(f"{base} does not come back")
                    await asyncio.sleep(0.02)

    def end(self) -> None:
        for process in self._alive.values():
            process.kill()
            process.join()


@asynccontextmanager
async def make_stage(folder: Path) -> AsyncIterator[tuple[Stage, World, Actor, Actor]]:
    """The stage, and in its world the pushing system and the office, for what comes before the first kill."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.faults.processes"])
    server = LocalPostgres(folder, durable=True)
    try:
        await asyncio.to_thread(server.start)
        ground = Ground(server.admin_url, "liangshan_template")
        await ground.prepare()
        name = await ground.clone()
        settings = ground.settings(name)
        api = create_api(settings)
        async with running(api, settings, clock=FrozenClock()):
            world = World(api, settings)
            machine = await world.machine(*REGIONS, source=SOURCE)
            office = await world.person(Role.LEAGUE_OFFICE)
            address = urlsplit(server.admin_url)._replace(path=f"/{name}").geturl()
            cluster = await asyncio.to_thread(lambda: local_cluster.locate(folder.resolve()))
            ports = (free_port(), free_port())
            stage = Stage(settings, server, cluster, address, machine.token, ports, context)
            try:
                for one in ("server", "other server", "worker"):
                    stage.start(one)
                await stage.ready()
                yield stage, world, machine, office
            finally:
                stage.end()
                await world.close()
    finally:
        await asyncio.to_thread(server.remove)
