"""Watching a push over a real socket: what is told, what ends it, and what it holds meanwhile."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import uvicorn
from fastapi import FastAPI
from httpx import AsyncClient, Response

from app.core import streams
from app.core.config import Settings
from app.models.identity import Role
from tests.bench.push import rows_for
from tests.ground import FrozenClock, edge_of
from tests.imports.pushing import REGIONS, ndjson, receipt
from tests.imports.serving import served
from tests.imports.test_large import taken
from tests.world import Actor, World

MANY = 1_001  # one more than is done at once


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    id: str
    data: dict[str, object]


def many() -> bytes:
    """Of one body: each that is new would be a job more for the worker."""
    first, *rest = rows_for(MANY)
    same = {name: first[name] for name in ("region_code", "investment_entity")}
    return ndjson([first, *({**row, **same} for row in rest)])


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine(*REGIONS)


@pytest.fixture
async def base(api: FastAPI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The API on a socket, with looks that follow quickly on one another."""
    monkeypatch.setattr(streams, "LOOK_SECONDS", 0.05)
    config = uvicorn.Config(edge_of(api), port=0, log_level="critical", access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - it tells by nothing else
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@pytest.fixture
async def client(base: str, machine: Actor) -> AsyncIterator[AsyncClient]:
    headers = {"Authorization": f"Bearer {machine.token}"}
    async with AsyncClient(base_url=base, headers=headers, timeout=20) as made:
        yield made


async def blocks(answer: Response) -> AsyncIterator[str]:
    """What stands between empty lines, as it comes."""
    block = ""
    async for line in answer.aiter_lines():
        if line:
            block += line + "\n"
        elif block:
            yield block
            block = ""


async def events(answer: Response) -> AsyncIterator[Event]:
    async for block in blocks(answer):
        parts = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "event" in parts:
            yield Event(parts["event"], parts.get("id", ""), json.loads(parts["data"]))


def idle(api: FastAPI) -> bool:
    connections: int = api.state.database.engine.pool.checkedout()
    return connections == 0 and not api.state.streams.open


async def until_idle(api: FastAPI) -> None:
    async with asyncio.timeout(5):
        while not idle(api):  # noqa: ASYNC110 - neither pool nor places tell
            await asyncio.sleep(0.02)


async def test_a_run_that_ends_meanwhile(world: World, machine: Actor, client: AsyncClient, api: FastAPI) -> None:
    place = await taken(machine, many())
    async with client.stream("GET", f"{place}/events") as answer:
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("private, no-store", "no")
        told = events(answer)
        first = await anext(told)
        assert (first.name, first.data["state"]) == ("progress", "queued")
        assert first.data["progress"] == {"rows_read": 0, "step": "waiting", "cancel_asked": False}
        working = asyncio.create_task(world.drain())
        rest = [event async for event in told]
        await working
    assert [event.name for event in rest[:-1]] == ["progress"] * (len(rest) - 1)
    last = rest[-1]
    assert (last.name, last.data["outcome"], last.data["created"]) == ("ended", "succeeded", MANY)
    shown = (await client.get(place)).json()
    del shown["rows"]
    assert last.data == shown
    await until_idle(api)
    # What the reader has had is not told again: a browser that comes back learns that there is nothing to wait for.
    again = await client.get(f"{place}/events", headers={"Last-Event-ID": last.id})
    assert (again.status_code, again.content) == (204, b"")
    for known in (first.id, "odd", ""):
        answer = await client.get(f"{place}/events", headers={"Last-Event-ID": known})
        assert answer.text.count("event: ended") == 1
    assert (await client.head(f"{place}/events")).headers["content-type"].startswith("text/event-stream")


async def test_each_step_is_told_once(world: World, machine: Actor, client: AsyncClient) -> None:
    place = await taken(machine, many())
    run_id = place.rsplit("/", 1)[1]

    async def step(count: int, name: str) -> None:
        await world.rows(
            "UPDATE import_progress SET rows_read = :n, step = :s WHERE run_id = :r RETURNING 1",
            n=count,
            s=name,
            r=run_id,
        )

    async with client.stream("GET", f"{place}/events") as answer:
        told = events(answer)
        steps = [await anext(told)]
        for count, name in ((1_000, "reading"), (MANY, "applying")):
            await step(count, name)
            await asyncio.sleep(0.2)  # several looks see the same
            steps.append(await anext(told))
    assert [event.data["progress"]["rows_read"] for event in steps] == [0, 1_000, MANY]  # type: ignore[index]
    assert len({event.id for event in steps}) == 3
    async with client.stream("GET", f"{place}/events", headers={"Last-Event-ID": steps[-1].id}) as answer:
        told = events(answer)
        await world.drain()
        assert [event.name async for event in told][-1] == "ended"


async def test_cancelled_meanwhile(world: World, machine: Actor, client: AsyncClient) -> None:
    place = await taken(machine, many())
    async with client.stream("GET", f"{place}/events") as answer:
        told = events(answer)
        await anext(told)
        assert (await machine.post(f"{place}/cancel")).status_code == 202
        asked = await anext(told)
        assert asked.data["progress"]["cancel_asked"]  # type: ignore[index]
        await world.drain()
        assert [(event.name, event.data["state"]) async for event in told] == [("ended", "cancelled")]


async def test_what_ends_the_callers_rights_ends_the_stream(
    world: World, machine: Actor, client: AsyncClient, clock: FrozenClock, api: FastAPI
) -> None:
    place = await taken(machine, many())
    security = await world.person(Role.SECURITY_ADMIN)
    async with client.stream("GET", f"{place}/events") as answer:
        told = events(answer)
        await anext(told)
        clock.advance(minutes=16)
        [over] = [event async for event in told]
        assert (over.name, over.data["status"], over.data["code"]) == ("refused", 401, "invalid_token")
    fresh = {"Authorization": f"Bearer {await world.renew(machine)}"}
    async with client.stream("GET", f"{place}/events", headers=fresh) as answer:
        told = events(answer)
        await anext(told)
        await world.renew(security)
        path = f"/v1/clients/{machine.id}"
        assert (await security.act(path, "disable", {"reason": "示例"})).status_code == 200
        [over] = [event async for event in told]
        assert (over.name, over.data["code"], over.id) == ("refused", "invalid_token", "")
    await until_idle(api)
    assert (await client.get(f"{place}/events", headers=fresh)).status_code == 401


async def test_a_wall_ends_the_stream_of_who_is_walled(world: World, base: str) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    place = await taken(editor, many())
    async with (
        AsyncClient(base_url=base, headers={"Authorization": f"Bearer {editor.token}"}) as client,
        client.stream("GET", f"{place}/events") as answer,
    ):
        told = events(answer)
        await anext(told)
        await world.wall(editor, "region:152502")
        assert [event.data["code"] async for event in told] == ["invalid_token"]


async def test_it_holds_no_connection_and_few_places(
    world: World, machine: Actor, client: AsyncClient, api: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "LOOK_SECONDS", 30)
    place = await taken(machine, many())
    opened = [await client.send(client.build_request("GET", f"{place}/events"), stream=True) for _ in range(4)]
    read = [events(answer) for answer in opened]
    assert [(await anext(told)).name for told in read] == ["progress"] * 4
    assert api.state.database.engine.pool.checkedout() == 0
    refused = await client.get(f"{place}/events")
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
    assert int(refused.headers["retry-after"]) > 0
    monkeypatch.setattr(streams, "ALL", 4)
    other = await world.person(Role.LEAGUE_OFFICE)
    answer = await client.get(f"{place}/events", headers={"Authorization": f"Bearer {other.token}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    # Who goes away is noticed at once, not at the next look.
    for answer in opened:
        await answer.aclose()
    await until_idle(api)


async def test_it_beats_and_has_an_end(
    machine: Actor, client: AsyncClient, api: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.1)
    monkeypatch.setattr(api.state.streams, "seconds", 1)
    place = await taken(machine, many())
    async with client.stream("GET", f"{place}/events") as answer:
        told = [block async for block in blocks(answer)]
    assert (told[0], told[1].splitlines()[0]) == ("retry: 2000\n", "event: progress")
    assert len(told) > 4
    assert set(told[2:]) == {": ping\n"}
    await until_idle(api)


async def test_five_answers(world: World, machine: Actor) -> None:
    place = f"/v1/imports/{(await receipt(machine, list(rows_for(2))))['id']}/events"
    answer = await machine.get(place)
    assert (answer.status_code, answer.text.count("event: ended")) == (200, 1)
    assert (await machine.client.get(place, headers={"Authorization": ""})).status_code == 401
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    assert (await approver.get(place)).status_code == 403
    assert (await (await world.machine("152501")).get(place)).status_code == 404
    assert (await machine.get(f"{place}?odd=1")).status_code == 422
    office = await world.person(Role.LEAGUE_OFFICE)
    assert (await office.get(place)).status_code == 200


async def test_a_server_that_ends_does_not_wait_for_its_streams(
    world: World, machine: Actor, settings: Settings, clock: FrozenClock
) -> None:
    """A process of its own, told to end by SIGTERM; its clock is the real one, so the token is issued in that time."""
    place = await taken(machine, many())
    clock.advance(seconds=time.time() - clock.now().timestamp())
    token = await world.renew(machine)
    async with (
        served(settings) as server,
        AsyncClient(base_url=server.base, headers={"Authorization": f"Bearer {token}"}, timeout=20) as client,
    ):
        async with client.stream("GET", f"{place}/events") as answer:
            told = blocks(answer)
            assert (await anext(told)).startswith("retry")
            assert (await anext(told)).startswith("event: progress")
            started = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert [block async for block in told] == []
        await asyncio.to_thread(server.process.wait, 20)
        assert time.monotonic() - started < 5
