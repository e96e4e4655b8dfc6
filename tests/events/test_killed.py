"""Couriers killed by `kill -9` in the middle of a message: each is sent at least once, by the same id, in its order."""

import asyncio
import multiprocessing
import random

from app.core.config import Settings
from tests.events import processes
from tests.events.conftest import log, push, row, subscribe
from tests.events.receiving import Receiver, Wire
from tests.world import World

KILLS = 5


async def test_nothing_is_lost(settings: Settings, world: World, receiver: Receiver, wire: Wire) -> None:
    machine = await world.machine("152501")
    kept = await subscribe(machine)
    await push(world, machine, *(row(f"A-{number:02}") for number in range(40)))
    events = [item["id"] for item in (await machine.get("/v1/events?limit=200")).json()["items"]]
    # Long enough to be killed in, on either side of the answer.
    receiver.delay = 0.03
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.events.processes"])

    def start() -> multiprocessing.context.ForkServerProcess:
        process = context.Process(target=processes.send, args=(settings, wire.port))
        process.start()
        return process

    courier = start()
    for number in range(1, KILLS + 1):
        await receiver.has(number * 5)
        await asyncio.sleep(random.uniform(0, 0.06))  # noqa: S311
        courier.kill()
        await asyncio.to_thread(courier.join)
        courier = start()
    try:
        for _ in range(600):
            if len(await log(kept, "&state=delivered")) == len(events):
                break
            await asyncio.sleep(0.1)
    finally:
        courier.kill()
        await asyncio.to_thread(courier.join)
    assert {d["state"] for d in await log(kept)} == {"delivered"}
    assert list(dict.fromkeys(receiver.ids)) == events
    # At most one message was on its way when a courier died.
    assert len(receiver.ids) - len(events) <= KILLS
    bodies = {(message.headers["webhook-id"], message.body) for message in receiver.got}
    assert len(bodies) == len(events)
