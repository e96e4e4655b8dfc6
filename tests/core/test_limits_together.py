"""A limit over two server processes: of M requests that come at once, exactly N are taken."""

import asyncio
import multiprocessing
import socket
from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.config import Settings
from tests import processes
from tests.world import Actor, World

READS, ANONYMOUS, ASKED = 25, 15, 40


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The window is a day: nothing comes back while the test runs, however slow the machine is."""
    limits = {"rate_limit_reads": READS, "rate_limit_anonymous": ANONYMOUS, "rate_limit_seconds": 86_400}
    return settings.model_copy(update=limits)


@pytest.fixture
async def servers(settings: Settings, world: World) -> AsyncIterator[list[httpx.AsyncClient]]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.processes"])
    ports = [_free_port(), _free_port()]
    started = [context.Process(target=processes.serve, args=(settings, port)) for port in ports]
    for process in started:
        process.start()
    clients = [httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) for port in ports]
    try:
        for client in clients:
            await _ready(client)
        yield clients
    finally:
        for client in clients:
            await client.aclose()
        for process in started:
            process.terminate()
            process.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _ready(client: httpx.AsyncClient) -> None:
    for _ in range(600):
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            await asyncio.sleep(0.1)
    raise AssertionError("the server did not get ready")


async def _asked(servers: list[httpx.AsyncClient], actor: Actor | None) -> Counter[int]:
    headers = {"Authorization": f"Bearer {actor.token}"} if actor else {}
    path = "/v1/me" if actor else "/v1/publications"
    answers = await asyncio.gather(*(one.get(path, headers=headers) for one in servers for _ in range(ASKED)))
    for answer in answers:
        assert ("retry-after" in answer.headers) == (answer.status_code == 429)
    return Counter(answer.status_code for answer in answers)


async def test_of_all_that_come_at_once_exactly_so_many_are_taken(
    world: World, servers: list[httpx.AsyncClient]
) -> None:
    person, machine = await world.person(), await world.machine("152501")
    everybody = await asyncio.gather(_asked(servers, person), _asked(servers, machine), _asked(servers, None))
    refused = 2 * ASKED
    assert everybody[0] == everybody[1] == {200: READS, 429: refused - READS}
    assert everybody[2] == {200: ANONYMOUS, 429: refused - ANONYMOUS}
