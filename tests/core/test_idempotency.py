"""Idempotency-Key: one effect for a key, a repetition shows what its caller may see now, and no body is kept."""

import asyncio

import asyncpg
import pytest
from httpx import Response
from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from tests.world import Actor, World

ORGANISATIONS = "/v1/organisations"
BODY = {"name": "示例企业（示例）", "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}


async def _count(world: World) -> int:
    return len(await world.rows("SELECT 1 FROM organisations"))


async def test_many_at_once_have_one_effect(world: World, owner: asyncpg.Connection) -> None:
    """While the first is under way the others are told so at once; afterwards they get its resource."""
    await owner.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.8); RETURN NEW; END $$"
    )
    await owner.execute("CREATE TRIGGER slow BEFORE INSERT ON organisations FOR EACH ROW EXECUTE FUNCTION slow()")
    office = await world.person(Role.LEAGUE_OFFICE)
    answers = await asyncio.gather(*(office.post(ORGANISATIONS, BODY, key="k") for _ in range(6)))
    statuses = sorted(a.status_code for a in answers)
    assert statuses == [201, 409, 409, 409, 409, 409]
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency_in_flight"
            assert answer.headers["retry-after"] == "1"
    again = await office.post(ORGANISATIONS, BODY, key="k")
    assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
    assert await _count(world) == 1


async def test_a_repetition_shows_the_resource_as_it_is_now(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY, key="k")
    await office.patch(made.headers["location"], {"short_name": "新"}, etag=made.headers["etag"])
    again = await office.post(ORGANISATIONS, BODY, key="k")
    assert (again.status_code, again.json()["short_name"], again.json()["version"]) == (201, "新", 2)
    assert again.headers["location"] == made.headers["location"]
    assert again.headers["etag"] != made.headers["etag"]
    assert again.json()["id"] == made.json()["id"]


async def test_a_repetition_is_authorised_again(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY, key="k")
    stale = await _without_grants(world, office)
    assert (stale.status_code, stale.json()["code"]) == (401, "invalid_token")
    await world.renew(office)
    refused = await office.post(ORGANISATIONS, BODY, key="k")
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert made.json()["id"] not in refused.text


async def _without_grants(world: World, office: Actor) -> Response:
    async with world.admin.administration() as session:
        await registry.lock(session, office.id)
        await session.execute(text("UPDATE grants SET state = 'ended' WHERE person_id = :p"), {"p": office.id})
    return await office.post(ORGANISATIONS, BODY, key="k")


async def test_who_may_write_but_not_read_is_refused_the_repetition(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE, scopes=frozenset({"directory:write"}))
    assert (await office.post(ORGANISATIONS, BODY, key="k")).status_code == 201
    again = await office.post(ORGANISATIONS, BODY, key="k")
    assert (again.status_code, again.json()["code"]) == (403, "insufficient_scope")
    assert await _count(world) == 1


async def test_a_resource_that_is_gone_is_404_when_repeated(world: World, worker: asyncpg.Connection) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await office.post(ORGANISATIONS, BODY, key="k")
    await worker.execute("DELETE FROM organisations")
    again = await office.post(ORGANISATIONS, BODY, key="k")
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert again.json()["request_id"] == again.headers["x-request-id"]


async def test_what_failed_is_not_remembered(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    assert (await office.post(ORGANISATIONS, {"name": 1}, key="k")).status_code == 422
    assert (await office.post(ORGANISATIONS, {**BODY, "region_code": "999999"}, key="k")).status_code == 422
    assert await world.rows("SELECT 1 FROM idempotency_records") == []
    assert (await office.post(ORGANISATIONS, BODY, key="k")).status_code == 201


async def test_another_request_is_refused(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    assert (await office.post(ORGANISATIONS, BODY, key="k")).status_code == 201
    other_body = await office.post(ORGANISATIONS, {**BODY, "name": "别的（示例）"}, key="k")
    assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
    other_route = await office.post("/v1/practice-areas", BODY, key="k")
    assert (other_route.status_code, other_route.json()["code"]) == (422, "idempotency_key_reused")
    # Another person's key of the same name is another key.
    colleague = await world.person(Role.LEAGUE_OFFICE)
    assert (await colleague.post(ORGANISATIONS, BODY, key="k")).status_code == 201
    assert await _count(world) == 2


async def test_the_record_keeps_no_body(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY, key="k")
    [record] = await world.rows("SELECT * FROM idempotency_records")
    assert set(record._mapping.keys()) == {
        "principal_id",
        "key",
        "route",
        "request_hash",
        "status",
        "location",
        "created_at",
    }
    assert (record.principal_id, record.key, record.route, record.status, record.location) == (
        office.id,
        "k",
        f"POST {ORGANISATIONS}",
        201,
        made.headers["location"],
    )
    assert "示例" not in str(tuple(record))


@pytest.mark.parametrize("key", ["x" * 128, "!", "~", '"quoted"', "a/b?c=d&e", "0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f"])
async def test_good_keys(world: World, key: str) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    assert (await office.post(ORGANISATIONS, BODY, key=key)).status_code == 201


@pytest.mark.parametrize("key", [b"x" * 129, b"two words", b"tab\tinside", b"\xe9", b"\x7f", b"x" * 5000])
async def test_bad_keys(world: World, key: bytes) -> None:
    """422 with its place; and never before the scope was looked at."""
    office = await world.person(Role.LEAGUE_OFFICE)
    headers = [(b"Idempotency-Key", key), (b"Authorization", f"Bearer {office.token}".encode())]
    answer = await office.client.post(ORGANISATIONS, json=BODY, headers=headers)
    assert answer.status_code == 422
    assert [(x["pointer"], x["code"]) for x in answer.json()["errors"]] == [
        ("header:idempotency-key", "invalid_format")
    ]
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    headers[1] = (b"Authorization", f"Bearer {editor.token}".encode())
    assert (await editor.client.post(ORGANISATIONS, json=BODY, headers=headers)).status_code == 403
    assert await _count(world) == 0


async def test_an_empty_key_is_a_missing_one_and_two_are_none(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    empty = await office.client.post(ORGANISATIONS, json=BODY, headers={"Idempotency-Key": ""})
    assert (empty.status_code, empty.json()["code"]) == (400, "idempotency_key_missing")
    two = await office.client.post(
        ORGANISATIONS, json=BODY, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    )
    assert two.status_code == 422
