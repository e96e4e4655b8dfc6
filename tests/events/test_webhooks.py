"""Subscriptions: made, changed, rotated, disabled, and refused."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from httpx import AsyncClient, Response

from app.auth.scopes import CLIENT_SCOPES
from app.events.network import Network
from app.events.webhooks import rules
from app.models.identity import Role
from tests.events.conftest import subscribe
from tests.events.receiving import ADDRESS, HOST, PLAIN_URL, URL, Wire, network
from tests.world import Actor, World

WEBHOOKS = "/v1/webhooks"


@pytest.fixture
async def machine(world: World, wire: Wire) -> Actor:
    return await world.machine("152501")


async def test_made_and_shown_its_secret_once(machine: Actor, world: World) -> None:
    body = {"name": "示例订阅", "url": PLAIN_URL, "types": ["projects.admit"]}
    made = await machine.post(WEBHOOKS, body, key="the-first")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
    shown = await machine.get(made.headers["location"])
    assert shown.json() == {**made.json(), "secret": None}
    assert {a["action"]: a["allowed"] for a in shown.json()["allowed_actions"]}["enable"] is False
    again = await machine.post(WEBHOOKS, body, key="the-first")
    assert (again.status_code, again.json()["id"], again.json()["secret"]) == (201, shown.json()["id"], None)
    assert [item["secret"] for item in (await machine.get(WEBHOOKS)).json()["items"]] == [None]
    # Neither the secret nor the url's path stands anywhere in clear.
    for table in ("webhook_secrets", "audit_entries", "outbox_events"):
        kept = str(await world.rows(f"SELECT to_jsonb(t)::text FROM {table} AS t"))  # noqa: S608
        assert secret.removeprefix("whsec_") not in kept
        assert "key=example" not in kept
    acts = await world.rows("SELECT action, actor_id, changes FROM audit_entries WHERE action LIKE 'webhooks.%'")
    assert [(act.action, act.actor_id, act.changes["after"]["host"]) for act in acts] == [
        ("webhooks.create", machine.id, HOST)
    ]


async def refusals(http: AsyncClient, world: World, path: str, body: Any = None) -> list[int]:
    """Without a token, as an officer, without the scope, as another client."""
    keyed = {"Idempotency-Key": uuid4().hex}
    anonymous = await http.post(path, json=body, headers=keyed) if body else await http.post(path, headers=keyed)
    officer = await world.person(Role.LEAGUE_OFFICE)
    narrow = await world.machine("152501", source="narrow", scopes=CLIENT_SCOPES - {"webhooks:write"})
    other = await world.machine("152501", source="another")
    answers = [
        anonymous,
        *[await who.post(path, body, etag='"1.0000000000000000"') for who in (officer, narrow, other)],
    ]
    return [answer.status_code for answer in answers]


async def test_refusals(machine: Actor, world: World, http: AsyncClient) -> None:
    kept = await subscribe(machine)
    body = {"name": "示例", "url": None}
    assert (await refusals(http, world, WEBHOOKS, body))[:3] == [401, 403, 403]
    for act, sent in [
        *((act, None) for act in ("enable", "disable", "rotate-secret", "ping")),
        (f"deliveries/{uuid4()}/redeliver", None),
    ]:
        assert await refusals(http, world, f"{kept.path}/{act}", sent) == [401, 403, 403, 404], act
    other = await world.machine("152501", source="other-reader")
    for path in (kept.path, f"{kept.path}/deliveries", f"{kept.path}/deliveries/{uuid4()}"):
        assert (await http.get(path)).status_code == 401
        assert (await (await world.person(Role.LEAGUE_OFFICE)).get(path)).status_code == 403
        assert (await other.get(path)).status_code == 404
    assert (await other.get(WEBHOOKS)).json()["items"] == []
    assert (await other.patch(kept.path, {"name": "夺取"}, etag='"1.0000000000000000"')).status_code == 404
    assert (await http.patch(kept.path, json={"name": "夺取"})).status_code == 401
    for path in (f"{WEBHOOKS}?state=gone", f"{kept.path}/deliveries?state=lost", f"{kept.path}?x=1"):
        assert (await machine.get(path)).status_code == 422
    assert (await machine.get(f"{kept.path}/deliveries/{uuid4()}")).status_code == 404
    assert (await machine.post(f"{kept.path}/deliveries/{uuid4()}/redeliver")).status_code == 404
    assert (await machine.post(f"{kept.path}/ping?x=1")).status_code == 422
    for act in ("disable", "rotate-secret"):
        assert (await machine.post(f"{kept.path}/{act}")).status_code == 428
        assert (await machine.post(f"{kept.path}/{act}", etag='"9.0000000000000000"')).status_code == 412
        assert (await machine.post(f"{kept.path}/{act}?x=1", etag='"1.0000000000000000"')).status_code == 422
    for wrong in (
        {},
        {"name": ""},
        {"name": "示例", "types": ["recusals.start"]},
        {"name": "示例", "types": "all"},
        {"name": "示例", "url": 5},
        {"name": "示例", "secret": "whsec_mine"},
        {"name": "示例", "url": "x" * 501},
    ):
        assert (await machine.post(WEBHOOKS, wrong)).status_code == 422, wrong
    answer = await machine.client.post(
        WEBHOOKS, content=b'{"name": "x", "na', headers={"Idempotency-Key": "k", "Content-Type": "application/json"}
    )
    assert answer.status_code == 422


async def test_a_url_that_nothing_may_be_sent_to(machine: Actor, wire: Wire) -> None:
    wire.names |= {
        "inside.example.cn": ["127.0.0.1"],
        "rebound.example.cn": [ADDRESS, "169.254.169.254"],
        "six.example.cn": ["::ffff:10.0.0.1"],
        "elsewhere.cn": [ADDRESS],
    }
    for url in (
        "https://inside.example.cn/",
        "https://rebound.example.cn/",
        "https://six.example.cn/",
        "https://unknown.example.cn/",
        "https://elsewhere.cn/",
        "https://10.20.30.40/",
        f"https://{HOST}:22/",
        f"https://user@{HOST}/",
        f"https://{HOST}/#x",
        f"ftp://{HOST}/",
        "https://localhost/",
        "https://2130706433/",
        "nonsense",
    ):
        answer = await machine.post(WEBHOOKS, {"name": "示例", "url": url})
        assert answer.status_code == 422, url
        # One answer for all: what a name stands for is not to be asked of us.
        assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
            ("/url", "receiver_refused")
        ]
    assert "elsewhere.cn" not in wire.asked
    kept = await subscribe(machine)
    before = await machine.get(kept.path)
    answer = await machine.patch(kept.path, {"url": "https://inside.example.cn/"}, etag=before.headers["etag"])
    assert answer.status_code == 422
    assert (await machine.get(kept.path)).json() == before.json()


async def test_plain_http_only_where_the_setting_allows(machine: Actor, wire: Wire, api: FastAPI) -> None:
    api.state.network = network(wire, http=False)
    assert (await machine.post(WEBHOOKS, {"name": "示例", "url": PLAIN_URL})).status_code == 422
    assert (await machine.post(WEBHOOKS, {"name": "示例", "url": URL})).status_code == 201


async def test_nobody_is_sent_to_unless_listed(world: World, settings: Any) -> None:
    """A server as it comes allows no receiver at all."""
    machine = await world.machine("152501")
    assert (await machine.post(WEBHOOKS, {"name": "示例", "url": URL})).status_code == 422
    assert (await machine.post(WEBHOOKS, {"name": "示例", "url": "https://10.0.0.1/"})).status_code == 422


async def test_no_name_is_looked_up_for_whom_nothing_is_done(world: World, wire: Wire, http: AsyncClient) -> None:
    body = {"name": "示例", "url": URL}
    await http.post(WEBHOOKS, json=body, headers={"Idempotency-Key": "k"})
    narrow = await world.machine("152501", scopes=CLIENT_SCOPES - {"webhooks:write"})
    assert (await narrow.post(WEBHOOKS, body)).status_code == 403
    assert wire.asked == []


async def test_no_transaction_waits_for_a_look_up(machine: Actor, wire: Wire, api: FastAPI, world: World) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(_host: str, _port: int) -> list[str]:
        begun.set()
        await go_on.wait()
        return [ADDRESS]

    held: Network = api.state.network
    held._look_up = slowly
    asked = asyncio.create_task(machine.post(WEBHOOKS, {"name": "示例", "url": URL}))
    await begun.wait()
    open_now = await world.rows(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() "
        "AND usename = 'liangshan_app' AND state LIKE 'idle in transaction%'"
    )
    go_on.set()
    assert (await asked).status_code == 201
    assert open_now[0].n == 0


async def test_changed_disabled_and_enabled(machine: Actor) -> None:
    kept = await subscribe(machine)

    async def act(name: str) -> Response:
        return await machine.act(kept.path, name)

    seen = await machine.get(kept.path)
    changed = await machine.patch(
        kept.path, {"name": "改名（示例）", "types": ["projects.update"]}, etag=seen.headers["etag"]
    )
    assert (changed.status_code, changed.json()["name"], changed.json()["url"]) == (200, "改名（示例）", PLAIN_URL)
    assert (await machine.patch(kept.path, {"name": "再改（示例）"}, etag=seen.headers["etag"])).status_code == 412
    assert (await machine.patch(kept.path, {"name": "再改（示例）"})).status_code == 428
    assert (await machine.patch(kept.path, {"name": None}, etag=changed.headers["etag"])).status_code == 422
    assert (await act("enable")).status_code == 409
    off = await act("disable")
    assert (off.json()["state"], off.json()["disabled_reason"]) == ("disabled", "by_client")
    assert (await act("disable")).status_code == 409
    assert (await machine.post(f"{kept.path}/ping")).json()["reason"] == "wrong_state"
    on = await act("enable")
    assert (on.json()["state"], on.json()["disabled_reason"], on.json()["disabled_at"]) == ("active", None, None)
    gone = await machine.patch(kept.path, {"url": None}, etag=on.headers["etag"])
    assert gone.json()["url"] is None
    refused = await machine.post(f"{kept.path}/ping")
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_receiver")


async def test_rotated(machine: Actor) -> None:
    kept = await subscribe(machine)
    first = await machine.act(kept.path, "rotate-secret")
    assert first.status_code == 200
    assert first.json()["secret"] not in {None, kept.secret}
    assert first.json()["previous_secret_until"] == "2026-03-03T01:00:00Z"
    shown = await machine.get(kept.path)
    assert shown.json()["secret"] is None
    assert first.json()["version"] == shown.json()["version"] == 2
    # Who rotates by what was seen before somebody else did, does not.
    late = await machine.post(f"{kept.path}/rotate-secret", etag='"1.0000000000000000"')
    assert late.status_code == 412


async def test_so_many_and_no_more(machine: Actor) -> None:
    async def one() -> int:
        return (await machine.post(WEBHOOKS, {"name": "示例", "url": None})).status_code

    for _ in range(rules.MOST_PER_CLIENT - 1):
        assert await one() == 201
    # Two that come at once, where one is left.
    assert sorted(await asyncio.gather(one(), one())) == [201, 409]
    assert len((await machine.get(f"{WEBHOOKS}?limit=200")).json()["items"]) == rules.MOST_PER_CLIENT
    page = (await machine.get(f"{WEBHOOKS}?limit=3&state=active&include_total=true")).json()
    assert (len(page["items"]), page["total"]) == (3, rules.MOST_PER_CLIENT)
