"""Organisations: five answers per route, the credit code, ETag and keys."""

from uuid import uuid4

from app.models.identity import Role
from tests.world import World

BODY = {
    "name": "示例合作社（示例）",
    "kind": "cooperative",
    "credit_code": "93152525MA0ABCDE66",
    "region_code": "152525",
}


async def test_register_and_read_back(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post("/v1/organisations", BODY)
    assert made.status_code == 201, made.text
    shown = await office.get(made.headers["location"])
    assert shown.status_code == 200
    assert shown.json() == made.json()
    assert shown.headers["etag"] == made.headers["etag"]
    [audit] = await world.rows(
        "SELECT action, outcome FROM audit_entries WHERE resource_id = :id", id=made.json()["id"]
    )
    assert tuple(audit) == ("organisations.create", "done")
    assert await world.rows("SELECT 1 FROM outbox_events WHERE resource_id = :id", id=made.json()["id"])


async def test_refusals_come_in_order(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = f"/v1/organisations/{uuid4()}"
    assert (await office.client.post("/v1/organisations", json=BODY)).status_code == 400
    assert (
        await office.client.post("/v1/organisations", json=BODY, headers={"Authorization": "", "Idempotency-Key": "k"})
    ).status_code == 401
    assert (await editor.post("/v1/organisations", {"nonsense": 1})).json()["code"] == "insufficient_scope"
    assert (await office.patch(path, {})).status_code == 404
    made = (await office.post("/v1/organisations", BODY)).json()
    assert (await office.patch(f"/v1/organisations/{made['id']}", {"nonsense": 1})).status_code == 428
    assert (
        await office.patch(f"/v1/organisations/{made['id']}", {"nonsense": 1}, etag='"9.0123456789abcdef"')
    ).status_code == 412
    refused = await office.post("/v1/organisations", {"nonsense": 1})
    assert refused.status_code == 422
    assert {(e["pointer"], e["code"]) for e in refused.json()["errors"]} == {
        ("/name", "required"),
        ("/kind", "required"),
        ("/region_code", "required"),
        ("/nonsense", "unknown_field"),
    }


async def test_a_key_is_used_once(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    first = await office.post("/v1/organisations", BODY, key="once")
    again = await office.post("/v1/organisations", BODY, key="once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    other = await office.post("/v1/organisations", {**BODY, "name": "另一个（示例）"}, key="once")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    taken = await office.post("/v1/organisations", BODY)
    assert (taken.status_code, taken.json()["reason"]) == (409, "credit_code_taken")
    assert len(await world.rows("SELECT 1 FROM organisations")) == 1
