"""A client's secrets over HTTP: shown once, two at a time, changed over without a pause, never told again."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.auth import passwords
from app.models.identity import Role
from tests.auth.test_client_registration import body, registered, secret_of, token_of, working
from tests.auth.test_clients import by_basic
from tests.auth.test_login import me
from tests.world import Actor, World


@pytest.fixture
async def admin(world: World) -> Actor:
    return await world.person(Role.SYSTEM_ADMIN)


@pytest.fixture
async def security(world: World) -> Actor:
    return await world.person(Role.SECURITY_ADMIN)


async def listed(actor: Actor, place: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await actor.get(f"{place}/secrets")).json()["items"]
    return items


async def test_a_secret_is_shown_once_and_only_its_digest_is_kept(world: World, admin: Actor) -> None:
    place, _ = await registered(admin, await body(world))
    made = await admin.client.post(f"{place}/secrets")
    assert made.status_code == 201
    secret = made.json()["secret"]
    assert len(secret) == 43
    assert made.headers["cache-control"] == "private, no-store"
    [row] = await world.rows("SELECT digest FROM client_secrets")
    assert row.digest == passwords.secret_digest(secret)
    for answer in (await admin.get(place), await admin.get(f"{place}/secrets"), await admin.get("/v1/clients")):
        assert secret not in answer.text
        assert row.digest not in answer.text
    kept = await world.rows("SELECT changes::text AS said FROM audit_entries")
    assert [entry for entry in kept if secret in entry.said or row.digest in entry.said] == []
    again = await admin.client.post(f"{place}/secrets", headers={"Idempotency-Key": "the-same"})
    assert again.json()["secret"] != secret


async def test_two_live_so_that_they_can_be_changed_over(
    world: World, http: AsyncClient, admin: Actor, security: Actor
) -> None:
    sent = await body(world)
    place, first = await working(admin, security, sent)
    second = await secret_of(admin, place)
    old = await token_of(http, sent["client_id"], first)
    new = await token_of(http, sent["client_id"], second)
    refused = await admin.client.post(f"{place}/secrets")
    assert (refused.status_code, refused.json()["reason"]) == (409, "two_secrets_live")
    digest = passwords.secret_digest(first)
    [row] = await world.rows("SELECT id FROM client_secrets WHERE digest = :digest", digest=digest)
    made_first = str(row.id)
    revoked = await admin.post(f"{place}/secrets/{made_first}/revoke")
    assert (revoked.status_code, revoked.content) == (204, b"")
    for token in (old, new):
        assert (await me(http, token["access_token"])).status_code == 401
    assert (await by_basic(http, sent["client_id"], first)).status_code == 401
    assert (await me(http, (await token_of(http, sent["client_id"], second))["access_token"])).status_code == 200
    shown = {item["id"]: item["revoked_at"] for item in await listed(security, place)}
    assert (len(shown), shown[made_first] is not None, list(shown.values()).count(None)) == (2, True, 1)
    assert (await admin.post(f"{place}/secrets/{made_first}/revoke")).json()["code"] == "state_conflict"
    await secret_of(admin, place)


async def test_of_many_at_once_two_are_made(world: World, admin: Actor) -> None:
    place, _ = await registered(admin, await body(world))
    answers = await asyncio.gather(*(admin.client.post(f"{place}/secrets") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409]


async def test_either_administrator_revokes_and_nobody_else(world: World, admin: Actor, security: Actor) -> None:
    place, _ = await registered(admin, await body(world))
    await secret_of(admin, place)
    [item] = await listed(admin, place)
    revoke = f"{place}/secrets/{item['id']}/revoke"
    auditor, office = await world.person(Role.AUDITOR), await world.person(Role.LEAGUE_OFFICE)
    for outsider in (auditor, office, await world.machine("152501")):
        assert (await outsider.post(revoke)).json()["code"] == "insufficient_scope"
    assert len(await listed(auditor, place)) == 1
    other, _ = await registered(admin, await body(world))
    for absent in (f"{place}/secrets/{uuid4()}/revoke", f"{other}/secrets/{item['id']}/revoke"):
        assert (await security.post(absent)).status_code == 404
    first, again = [await security.post(revoke, key="once") for _ in range(2)]
    assert (first.status_code, again.status_code, again.headers["idempotent-replayed"]) == (204, 204, "true")
    [entry] = await world.rows("SELECT actor_id, changes FROM audit_entries WHERE action = 'clients.revoke_secret'")
    assert (entry.actor_id, entry.changes) == (security.id, {"secret_id": item["id"]})


async def test_a_list_of_secrets_has_pages(world: World, admin: Actor) -> None:
    place, _ = await registered(admin, await body(world))
    for _ in range(2):
        await secret_of(admin, place)
    page = (await admin.get(f"{place}/secrets", params={"limit": 1})).json()
    rest = (await admin.get(f"{place}/secrets", params={"limit": 1, "cursor": page["next_cursor"]})).json()
    assert rest["next_cursor"] is None
    assert len({item["id"] for item in page["items"] + rest["items"]}) == 2
    assert (await admin.get(f"{place}/secrets", params={"colour": "green"})).status_code == 422
