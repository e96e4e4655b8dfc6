"""Two server processes and a worker process over one database, and who stands by."""

import asyncio
import multiprocessing
import random
import socket
from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.config import Settings
from app.models.identity import Role
from tests import processes
from tests.races.duel import Field
from tests.reviews.scene import REGION, make_scene
from tests.world import World

# A server closes a connection that was idle for five seconds: a client must not be about to use it again just then.
SHORT_LIVED = httpx.Limits(keepalive_expiry=1)


@pytest.fixture
async def servers(settings: Settings, world: World) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Each server with its own client; the worker works beside them."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.processes"])
    ports = [free_port(), free_port()]
    started = [context.Process(target=processes.serve, args=(settings, port)) for port in ports]
    started.append(context.Process(target=processes.work_for_tests, args=(settings,)))
    for process in started:
        process.start()
    clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, limits=SHORT_LIVED) for port in ports]
    try:
        for client in clients:
            await ready(client)
        yield clients
    finally:
        for client in clients:
            await client.aclose()
        for process in started:
            process.kill()
            process.join()


@pytest.fixture
async def ground_of(world: World) -> Field:
    scene = await make_scene(world, pool=0)
    return Field(
        world,
        scene,
        orderer=await world.person(Role.LEAGUE_OFFICE),
        admin=await world.person(Role.SYSTEM_ADMIN),
        government=await world.organisation(region_code=REGION, kind="government"),
        chance=random.Random(20260302),  # noqa: S311
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def ready(client: httpx.AsyncClient) -> None:
    for _ in range(300):
        try:
            if (await client.get("/healthz")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("the server did not come up")
