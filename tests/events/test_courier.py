"""Sending: signed, at least once, tried again, and looked at again before every attempt."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from app.events.courier import Courier
from app.events.webhooks import rules
from tests.events.conftest import Subscribed, log, push, row, state, subscribe
from tests.events.receiving import ADDRESS, HOST, Receiver, Wire
from tests.ground import FrozenClock
from tests.world import World


async def test_the_package_verifies_what_is_sent(
    clock: FrozenClock, world: World, wire: Wire, receiver: Receiver, courier: Courier
) -> None:
    clock.time = datetime.now(UTC)  # the package asks the machine's clock
    machine = await world.machine("152501")
    kept = await subscribe(machine, types=["projects.create", "imports.push"])
    told = await push(world, machine, row("A-1"))
    assert await courier.drain() == 2
    feed = {item["id"]: item for item in (await machine.get("/v1/events")).json()["items"]}
    for message in receiver.got:
        body = Verifier(kept.secret).verify(message.body, message.headers)
        event = feed[message.headers["webhook-id"]]
        assert body.keys() == {"type", "timestamp", "data"}
        assert (body["type"], body["timestamp"]) == (event["type"], event["occurred_at"])
        assert body["data"] == {**event["resource"], "region_code": event["region_code"]}
        assert message.head == "POST /liangshan?key=example HTTP/1.1"
        assert message.headers["host"] == f"{HOST}:8443"
        assert message.headers["content-type"] == "application/json"
        assert "authorization" not in message.headers
        for wrong in (message.body + b" ", message.body.replace(b"152501", b"152502").replace(b"null", b"0")):
            with pytest.raises(WebhookVerificationError):
                Verifier(kept.secret).verify(wrong, message.headers)
    sent = [Verifier(kept.secret).verify(m.body, m.headers)["data"]["id"] for m in receiver.got]
    assert set(sent) == {told["id"], told["rows"][0]["id"]}
    assert wire.dialled == [(ADDRESS, 8443)] * 2
    assert {d["state"] for d in await log(kept)} == {"delivered"}
    assert await courier.drain() == 0


async def test_both_secrets_sign_for_a_day(
    clock: FrozenClock, world: World, receiver: Receiver, courier: Courier, wire: Wire
) -> None:
    clock.time = datetime.now(UTC)
    machine = await world.machine("152501")
    kept = await subscribe(machine)
    secrets = [kept.secret]
    for _ in range(2):
        secrets.append((await machine.act(kept.path, "rotate-secret")).json()["secret"])

    async def verifying() -> list[bool]:
        assert (await machine.post(f"{kept.path}/ping")).status_code == 202
        await courier.drain()
        message = receiver.got[-1]
        assert message.headers["webhook-timestamp"] == str(int(clock.now().timestamp()))
        stamp = datetime.fromtimestamp(int(message.headers["webhook-timestamp"]), UTC)
        given = set(message.headers["webhook-signature"].split(" "))
        sign = [Verifier(s).sign(message.headers["webhook-id"], stamp, message.body.decode()) for s in secrets]
        assert len(given) == sum(one in given for one in sign)
        return [one in given for one in sign]

    assert await verifying() == [False, True, True]
    clock.advance(hours=24, seconds=1)
    await world.renew(machine)
    assert await verifying() == [False, False, True]
    assert (await state(kept))["previous_secret_until"] is None


async def test_tried_again_by_the_schedule_with_the_same_id(
    kept: Subscribed, clock: FrozenClock, world: World, receiver: Receiver, courier: Courier
) -> None:
    receiver.status = 503
    pinged = await kept.machine.post(f"{kept.path}/ping")
    assert await courier.drain() == 1
    for number, wait in enumerate(rules.SCHEDULE, start=2):
        clock.advance(seconds=wait.total_seconds() - 1)
        assert await courier.drain() == 0, number
        clock.advance(seconds=1)
        assert await courier.drain() == 1, number
    await world.renew(kept.machine)
    told = (await kept.machine.get(pinged.headers["location"])).json()
    assert (told["state"], told["attempts"], told["next_attempt_at"]) == ("failed", 10, None)
    assert [line["status"] for line in told["log"]] == [503] * 10
    assert len(set(receiver.ids)) == 1
    assert receiver.ids[0] == told["message_id"]
    assert len({m.headers["webhook-timestamp"] for m in receiver.got}) == 10
    assert len({m.headers["webhook-signature"] for m in receiver.got}) == 10
    # Nothing got through for three days.
    shown = await state(kept)
    assert (shown["state"], shown["disabled_reason"]) == ("disabled", "failing")
    acts = await world.rows("SELECT actor_kind, reason FROM audit_entries WHERE action = 'webhooks.disable'")
    assert [tuple(act) for act in acts] == [("system", "failing")]


@pytest.mark.parametrize(
    ("answer", "said", "seconds"),
    [
        (429, b"3600", 3600),
        (503, b"3600", 3600),
        # It shortens no pause, lengthens none beyond the longest, and of other answers it is nothing.
        (429, b"1", 5),
        (503, b"9999999", 24 * 3600),
        (500, b"3600", 5),
        (503, b"soon", 5),
        (503, b"-7", 5),
    ],
)
async def test_a_receiver_may_ask_for_time(
    kept: Subscribed, clock: FrozenClock, receiver: Receiver, courier: Courier, answer: int, said: bytes, seconds: int
) -> None:
    receiver.status, receiver.extra = answer, b"Retry-After: " + said + b"\r\n"
    await kept.machine.post(f"{kept.path}/ping")
    assert await courier.drain() == 1
    clock.advance(seconds=seconds - 1)
    assert await courier.drain() == 0
    clock.advance(seconds=1)
    assert await courier.drain() == 1


async def test_one_success_in_between_and_it_is_not_failing(
    kept: Subscribed, clock: FrozenClock, world: World, receiver: Receiver, courier: Courier
) -> None:
    receiver.answer = lambda message: 500 if b"projects.create" in message.body else 200
    await push(world, kept.machine, row("A-1"))
    await courier.drain()
    for wait in rules.SCHEDULE:
        clock.advance(seconds=wait.total_seconds())
        await world.renew(kept.machine)
        await kept.machine.post(f"{kept.path}/ping")
        await courier.drain()
    assert [d["state"] for d in await log(kept, "&state=failed")] == ["failed"]
    assert (await state(kept))["state"] == "active"


@pytest.mark.parametrize(
    ("answer", "error"),
    [(301, None), (302, None), (307, None), (400, None), (404, None), (429, None), (500, None)],
)
async def test_anything_but_2xx_is_a_failure_and_no_redirect_is_followed(
    kept: Subscribed, receiver: Receiver, courier: Courier, wire: Wire, answer: int, error: str | None
) -> None:
    receiver.status, receiver.extra = answer, b"Location: http://127.0.0.1:1/\r\n"
    await kept.machine.post(f"{kept.path}/ping")
    await courier.drain()
    [told] = await log(kept)
    assert (told["state"], told["log"][0]["status"], told["log"][0]["error"]) == ("pending", answer, error)
    assert wire.dialled == [(ADDRESS, 8443)]


async def test_410_disables_at_once_and_enabling_goes_on(
    kept: Subscribed, world: World, receiver: Receiver, courier: Courier
) -> None:
    receiver.status = 410
    await push(world, kept.machine, row("A-1"))
    assert await courier.drain() == 1
    shown = await state(kept)
    assert (shown["state"], shown["disabled_reason"]) == ("disabled", "gone")
    await push(world, kept.machine, row("A-2"))
    assert await courier.drain() == 0
    receiver.status = 204
    receiver.body = b""
    assert (await kept.machine.act(kept.path, "enable")).status_code == 200
    await courier.drain()
    told = await log(kept)
    assert sorted(d["state"] for d in told) == ["delivered"] * 4 + ["failed"]
    events = (await kept.machine.get("/v1/events")).json()["items"]
    assert {d["message_id"] for d in told} == {event["id"] for event in events}


async def test_sent_in_the_order_of_the_feed_and_one_that_fails_holds_up_none(
    kept: Subscribed, world: World, receiver: Receiver, courier: Courier, clock: FrozenClock
) -> None:
    await push(world, kept.machine, *(row(f"A-{number:02}") for number in range(20)))
    events = [item["id"] for item in (await kept.machine.get("/v1/events?limit=200")).json()["items"]]
    receiver.answer = lambda message: 500 if message.headers["webhook-id"] == events[3] else 200
    await courier.drain()
    assert receiver.ids == events
    receiver.answer = None
    clock.advance(seconds=5)
    await courier.drain()
    assert receiver.ids == [*events, events[3]]


async def test_redelivered_by_the_same_id(kept: Subscribed, receiver: Receiver, courier: Courier, world: World) -> None:
    await push(world, kept.machine, row("A-1"))
    await courier.drain()
    before = receiver.got[0]
    [first] = [d for d in await log(kept) if d["message_id"] == before.headers["webhook-id"]]
    path = f"{kept.path}/deliveries/{first['id']}"
    answer = await kept.machine.post(f"{path}/redeliver", key="again")
    assert (answer.status_code, answer.headers["location"], answer.content) == (202, path, b"")
    assert (await kept.machine.post(f"{path}/redeliver", key="again")).status_code == 202
    assert await courier.drain() == 1
    assert receiver.got[-1].headers["webhook-id"] == before.headers["webhook-id"]
    assert receiver.got[-1].body == before.body
    told = (await kept.machine.get(path)).json()
    assert (told["state"], told["attempts"], len(told["log"])) == ("delivered", 1, 2)


async def test_asked_for_again_while_it_is_on_its_way(
    kept: Subscribed, receiver: Receiver, courier: Courier, clock: FrozenClock
) -> None:
    """It is sent once more, whatever becomes of the first."""
    for status in (500, 200):
        receiver.status, receiver.delay, before = status, 0.5, len(receiver.got)
        pinged = await kept.machine.post(f"{kept.path}/ping")
        sending = asyncio.create_task(courier.drain())
        await receiver.has(before + 1)
        again = await kept.machine.post(f"{pinged.headers['location']}/redeliver")
        assert again.status_code == 202
        receiver.status = 200
        await sending
        told = (await kept.machine.get(pinged.headers["location"])).json()
        assert (told["state"], told["attempts"], len(told["log"])) == ("delivered", 1, 2)
        assert receiver.ids[before:] == [told["message_id"]] * 2


async def test_the_log_keeps_no_content(kept: Subscribed, receiver: Receiver, courier: Courier, world: World) -> None:
    receiver.body = b"<secret of the receiver>"
    await kept.machine.post(f"{kept.path}/ping")
    await courier.drain()
    kept_rows = str(await world.rows("SELECT to_jsonb(d)::text FROM webhook_deliveries AS d"))
    assert "secret of the receiver" not in kept_rows
    assert HOST not in kept_rows


async def test_nobody_answers(kept: Subscribed, courier: Courier, wire: Wire, clock: FrozenClock) -> None:
    wire.names[HOST] = ["10.99.99.99"]
    await kept.machine.post(f"{kept.path}/ping")
    await courier.drain()
    [told] = await log(kept)
    assert (told["log"][0]["status"], told["log"][0]["error"]) == (None, "connection")
    assert (await state(kept))["failing_since"] is not None


async def test_a_receiver_that_is_slow_or_pours_is_cut_off(
    kept: Subscribed, courier: Courier, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, clock: FrozenClock
) -> None:
    monkeypatch.setattr("app.events.network.WHOLE_SECONDS", 0.3)
    receiver.delay = 5
    await kept.machine.post(f"{kept.path}/ping")
    await asyncio.wait_for(courier.drain(), 4)
    assert (await log(kept))[0]["log"][0]["error"] == "timeout"
    monkeypatch.undo()
    receiver.delay, receiver.body = 0, b"x" * 50_000_000
    clock.advance(seconds=5)
    await asyncio.wait_for(courier.drain(), 10)
    assert (await log(kept))[0]["log"][1]["status"] == 200


def test_the_schedule_is_ten_attempts_in_three_days() -> None:
    assert len(rules.SCHEDULE) == 9
    assert sum(rules.SCHEDULE, timedelta()) > rules.GIVEN_UP_AFTER
    assert sum(rules.SCHEDULE[:-1], timedelta()) < rules.GIVEN_UP_AFTER
