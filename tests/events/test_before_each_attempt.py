"""What is looked at again before each attempt: what the client may see, who the receiver is, and by which secret."""

import asyncpg

from app.auth.scopes import CLIENT_SCOPES
from app.core.config import Settings
from app.events.courier import Courier
from app.events.network import network_of
from app.events.sealing import Seal
from tests.events.conftest import Subscribed, log, push, row, subscribe
from tests.events.receiving import ADDRESS, HOST, Receiver, Wire, network
from tests.events.test_feed import take_region
from tests.ground import SECRET, FrozenClock
from tests.world import Actor, World


async def test_queued_or_new_nothing_of_a_region_that_was_taken_away(
    kept: Subscribed, world: World, receiver: Receiver, courier: Courier, worker: asyncpg.Connection, clock: FrozenClock
) -> None:
    receiver.status = 500
    await push(world, kept.machine, row("A-1", "152501"), row("A-2", "152502"))
    await courier.drain()
    sent = len(receiver.got)
    await take_region(worker, kept.machine, ["152502"])
    receiver.status = 200
    clock.advance(seconds=5)
    await courier.drain()
    await world.renew(kept.machine)
    assert all(b"152501" not in message.body for message in receiver.got[sent:])
    dropped = await log(kept, "&state=dropped")
    assert sorted(d["type"] for d in dropped) == ["organisations.create", "projects.create"]
    # Nothing tells why, and nothing of it is sent when it is asked for.
    assert all(len(d["log"]) == 1 and d["log"][0]["status"] == 500 for d in dropped)
    before = len(receiver.got)
    for one in dropped:
        assert (await kept.machine.post(f"{kept.path}/deliveries/{one['id']}/redeliver")).status_code == 202
    await courier.drain()
    assert len(receiver.got) == before
    # What happens there from now on makes no delivery at all.
    again = await world.machine("152501", scopes=CLIENT_SCOPES)
    await push(world, again, row("A-1", "152501", name="改名（示例）"))
    known = len(await log(kept))
    await courier.drain()
    assert (len(receiver.got), len(await log(kept))) == (before, known)


async def test_another_clients_subscription_is_told_nothing(
    kept: Subscribed, world: World, receiver: Receiver, courier: Courier
) -> None:
    elsewhere = await subscribe(await world.machine("152522"))
    same_place = await subscribe(await world.machine("152501", source="another"))
    await push(world, kept.machine, row("A-1"))
    await courier.drain()
    assert await log(elsewhere) == []
    assert [d["type"] for d in await log(same_place)] == ["organisations.create"]
    assert len(await log(kept)) == 3


async def test_nothing_for_a_client_that_is_disabled_and_all_once_it_is_back(
    kept: Subscribed, world: World, receiver: Receiver, courier: Courier, worker: asyncpg.Connection, clock: FrozenClock
) -> None:
    await kept.machine.post(f"{kept.path}/ping")
    await push(world, kept.machine, row("A-1"))
    await worker.execute("UPDATE principals SET disabled_at = now() WHERE id = $1", kept.machine.id)
    assert await courier.drain() == 0
    assert receiver.got == []
    await worker.execute("UPDATE principals SET disabled_at = NULL WHERE id = $1", kept.machine.id)
    clock.advance(minutes=11)
    assert await courier.drain() == 4
    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", kept.machine.id)
        await worker.execute(
            "UPDATE clients SET scopes = '{projects:push,webhooks:write}' WHERE id = $1", kept.machine.id
        )
    await world.renew(kept.machine)
    await kept.machine.post(f"{kept.path}/ping")
    assert await courier.drain() == 0


async def test_the_name_is_looked_up_once_and_the_connection_goes_there(
    kept: Subscribed, wire: Wire, courier: Courier, receiver: Receiver
) -> None:
    """Rebinding: the second look-up would say another address; there is none."""
    wire.asked.clear()
    answers = iter([[ADDRESS], ["127.0.0.1"], ["127.0.0.1"]])

    async def rebinding(host: str, _port: int) -> list[str]:
        wire.asked.append(host)
        return next(answers)

    courier.network._look_up = rebinding
    await kept.machine.post(f"{kept.path}/ping")
    await courier.drain()
    assert (wire.asked, wire.dialled, len(receiver.got)) == ([HOST], [(ADDRESS, 8443)], 1)
    # The next attempt looks again, and does not go there.
    await kept.machine.post(f"{kept.path}/ping")
    await courier.drain()
    assert (len(wire.asked), len(wire.dialled)) == (2, 1)
    [told] = await log(kept, "&state=pending")
    assert (told["log"][0]["status"], told["log"][0]["error"]) == (None, "receiver_refused")


async def test_the_list_counts_at_each_attempt(
    kept: Subscribed, courier: Courier, wire: Wire, receiver: Receiver
) -> None:
    courier.network = network(wire, allowed="other.example.cn")
    await kept.machine.post(f"{kept.path}/ping")
    await courier.drain()
    assert (receiver.got, wire.dialled) == ([], [])
    courier.network = network_of(Settings())
    assert await courier.drain() == 0


async def test_a_secret_that_does_not_open_is_nobodys_failure_but_ours(
    kept: Subscribed, courier: Courier, receiver: Receiver, clock: FrozenClock
) -> None:
    courier.seal = Seal("another-secret-of-at-least-32-characters")
    await kept.machine.post(f"{kept.path}/ping")
    assert await courier.drain() == 0
    [told] = await log(kept)
    assert (told["state"], told["attempts"], told["log"]) == ("pending", 0, [])
    courier.seal = Seal(SECRET)
    clock.advance(minutes=11)
    assert await courier.drain() == 1


async def test_a_sealed_secret_opens_beside_no_other_webhook(
    kept: Subscribed, courier: Courier, worker: asyncpg.Connection, receiver: Receiver, machine: Actor
) -> None:
    other = await subscribe(machine)
    await worker.execute(
        "UPDATE webhook_secrets AS s SET sealed = o.sealed FROM webhook_secrets AS o "
        "WHERE s.webhook_id = $1::uuid AND o.webhook_id = $2::uuid",
        kept.id,
        other.id,
    )
    await kept.machine.post(f"{kept.path}/ping")
    assert await courier.drain() == 0
    assert receiver.got == []
