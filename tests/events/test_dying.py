"""Couriers that die, several at once, and what waits meanwhile."""

import asyncio
from typing import Any

import pytest

from app.events import courier as couriers
from app.events.courier import Courier
from app.events.webhooks import rules
from tests.events.conftest import Subscribed, log, push, row
from tests.events.receiving import Receiver
from tests.ground import FrozenClock
from tests.world import World


async def test_no_transaction_is_open_while_it_sends(
    kept: Subscribed, courier: Courier, receiver: Receiver, world: World
) -> None:
    receiver.delay = 0.5
    await kept.machine.post(f"{kept.path}/ping")
    sending = asyncio.create_task(courier.drain())
    await receiver.has(1)
    rows = await world.rows(
        "SELECT usename FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND state LIKE 'idle in transaction%'"
    )
    assert rows == []
    # Nor is the subscription locked against its owner.
    changed = await kept.machine.act(kept.path, "disable")
    assert changed.status_code == 200
    await sending
    assert (await log(kept))[0]["state"] == "delivered"


async def test_what_a_dead_courier_held_is_sent_by_another(
    kept: Subscribed, courier: Courier, receiver: Receiver, clock: FrozenClock
) -> None:
    receiver.delay = 60
    await kept.machine.post(f"{kept.path}/ping")
    dying = asyncio.create_task(courier.drain())
    await receiver.has(1)
    dying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await dying
    receiver.delay = 0
    assert await courier.drain() == 0  # its lease stands
    clock.advance(seconds=couriers.LEASE.total_seconds() + 1)
    assert await courier.drain() == 1
    assert len(receiver.got) == 2
    assert len(set(receiver.ids)) == 1
    assert (await log(kept))[0]["state"] == "delivered"


async def test_a_message_that_kills_whoever_sends_it_comes_to_an_end(
    kept: Subscribed, courier: Courier, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(Courier, "_send", die)
    await kept.machine.post(f"{kept.path}/ping")
    for _ in range(10):
        with pytest.raises(asyncio.CancelledError):
            await courier.drain()
        clock.advance(seconds=couriers.LEASE.total_seconds() + 1)
    assert await courier.drain() == 0
    assert (await log(kept))[0]["state"] == "failed"


async def test_many_couriers_send_each_message_once_and_in_order(
    kept: Subscribed, courier: Courier, receiver: Receiver, world: World
) -> None:
    await push(world, kept.machine, *(row(f"A-{number:02}") for number in range(30)))
    await asyncio.gather(*(courier.drain() for _ in range(4)))
    events = [item["id"] for item in (await kept.machine.get("/v1/events?limit=200")).json()["items"]]
    assert receiver.ids == events


async def test_no_more_wait_than_are_allowed_and_nothing_is_lost(
    kept: Subscribed,
    courier: Courier,
    receiver: Receiver,
    world: World,
    clock: FrozenClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "MOST_WAITING", 10)
    monkeypatch.setattr(couriers, "_SPREAD_AT_ONCE", 4)
    receiver.status = 500
    await push(world, kept.machine, *(row(f"A-{number:02}") for number in range(30)))
    await courier.drain()
    assert len(await log(kept)) == 12
    receiver.status = 200
    clock.advance(seconds=5)
    await courier.drain()
    events = {item["id"] for item in (await kept.machine.get("/v1/events?limit=200")).json()["items"]}
    assert {d["message_id"] for d in await log(kept, "&state=delivered")} == events


async def test_run_sends_and_ends_in_order(
    kept: Subscribed, courier: Courier, receiver: Receiver, world: World
) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(courier.run(stop))
    await push(world, kept.machine, row("A-1"))
    await kept.machine.post(f"{kept.path}/ping")
    await receiver.has(4)
    stop.set()
    await asyncio.wait_for(running, 5)
    held = await world.rows("SELECT claim FROM webhook_progress")
    assert [row.claim for row in held] == [None]
