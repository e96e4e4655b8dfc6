"""Grants over HTTP: bindings, three administrations, two people, and tokens that stop at once."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient, Response

from app.auth import registry
from app.models.identity import Role
from tests.world import Actor, World

EDITOR = {"role": "region_editor", "region_code": "152501", "reason": "岗位安排"}
EXPERT = {"role": "expert", "reason": "入选专家库"}


def of(person: Actor) -> str:
    return f"/v1/people/{person.id}/grants"


async def verify(security: Actor, person: Actor, number: str = "360426199101010071") -> None:
    made = await security.client.post(f"/v1/people/{person.id}/identity-key", json={"identity_number": number})
    assert made.status_code == 201, made.text


async def given(security: Actor, person: Actor, body: dict[str, Any]) -> Response:
    made = await security.post(of(person), body)
    assert made.status_code == 201, made.text
    return made


async def test_a_role_is_granted_and_takes_effect(world: World) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person()
    bystander = await world.person((Role.REGION_EDITOR, "152501"))
    before, other = await world.rev(person), await world.rev(bystander)
    made = await given(security, person, EDITOR)
    assert (made.json()["state"], made.json()["granted_by"]) == ("active", str(security.id))
    shown = await security.get(made.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    assert await world.rev(person) > before
    assert await world.rev(bystander) == other
    assert (await person.get("/v1/me")).status_code == 401
    assert (await bystander.get("/v1/me")).status_code == 200
    await world.renew(person)
    assert "plans:write" in (await person.get("/v1/me")).json()["scopes"]
    [audit] = await world.rows("SELECT * FROM audit_entries WHERE action = 'grants.create' AND actor_id IS NOT NULL")
    assert (audit.resource_id, audit.region_code, audit.reason) == (person.id, "152501", "岗位安排")
    assert await world.rows("SELECT 1 FROM outbox_events WHERE type = 'grants.create'")


async def test_ending_a_grant_stops_the_persons_tokens_and_nobody_elses(world: World) -> None:
    security = await world.person(Role.SECURITY_ADMIN)
    person = await world.person((Role.REGION_EDITOR, "152501"), (Role.REGION_APPROVER, "152501"))
    bystander = await world.person((Role.REGION_EDITOR, "152501"))
    [grant] = [item for item in (await security.get(of(person))).json()["items"] if item["role"] == "region_approver"]
    place = f"{of(person)}/{grant['id']}"
    ended = await security.act(place, "end", {"reason": "岗位调整"})
    assert (ended.status_code, ended.json()["state"], ended.json()["end_reason"]) == (200, "ended", "岗位调整")
    refused = await person.get("/v1/me")
    assert (refused.status_code, refused.json()["code"]) == (401, "invalid_token")
    assert (await bystander.get("/v1/me")).status_code == 200
    await world.renew(person)
    scopes = (await person.get("/v1/me")).json()["scopes"]
    assert "plans:write" in scopes
    assert "plans:sign" not in scopes
    assert (await security.act(place, "end", {"reason": "岗位调整"})).json()["code"] == "state_conflict"
    assert {i["state"] for i in (await security.get(of(person), params={"state": "ended"})).json()["items"]} == {
        "ended"
    }
    await given(security, person, {**EDITOR, "role": "region_approver"})


async def test_after_the_end_is_acknowledged_no_old_token_is_accepted(world: World) -> None:
    security = await world.person(Role.SECURITY_ADMIN)
    for _ in range(8):
        person = await world.person((Role.REGION_EDITOR, "152501"))
        [grant] = (await security.get(of(person))).json()["items"]
        acknowledged = asyncio.Event()
        late: list[int] = []

        async def keep_asking(person: Actor, acknowledged: asyncio.Event, late: list[int]) -> None:
            for _ in range(40):
                begun_after = acknowledged.is_set()
                answer = await person.get("/v1/me")
                if begun_after:
                    late.append(answer.status_code)

        async def end(person: Actor, grant: str, acknowledged: asyncio.Event) -> None:
            ended = await security.act(f"{of(person)}/{grant}", "end", {"reason": "岗位调整"})
            assert ended.status_code == 200, ended.text
            acknowledged.set()

        await asyncio.gather(
            end(person, grant["id"], acknowledged),
            *(keep_asking(person, acknowledged, late) for _ in range(3)),
        )
        late.append((await person.get("/v1/me")).status_code)
        assert set(late) == {401}


async def test_a_judging_role_takes_two_and_a_verified_identity(world: World) -> None:
    first, second = await world.person(Role.SECURITY_ADMIN), await world.person(Role.SECURITY_ADMIN)
    person = await world.person()
    refused = await first.post(of(person), EXPERT)
    assert (refused.status_code, refused.json()["reason"]) == (409, "identity_not_verified")
    await verify(first, person)
    made = await given(first, person, EXPERT)
    place = made.headers["location"]
    assert made.json()["state"] == "awaiting_second"
    await world.renew(person)
    assert (await person.get("/v1/me")).json()["grants"] == []
    assert (await first.act(place, "confirm")).json()["code"] == "four_eyes"
    reasons = {a["action"]: a["reason"] for a in (await first.get(place)).json()["allowed_actions"]}
    assert reasons == {"confirm": "same_person", "end": None}
    confirmed = await second.act(place, "confirm")
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "active")
    assert confirmed.json()["confirmed_by"] == str(second.id)
    assert (await person.get("/v1/me")).status_code == 401
    await world.renew(person)
    assert [g["role"] for g in (await person.get("/v1/me")).json()["grants"]] == ["expert"]
    assert (await second.act(place, "confirm")).json()["code"] == "state_conflict"
    audit = await world.rows(
        "SELECT action FROM audit_entries WHERE action LIKE 'grants.c%' AND actor_id = :id", id=second.id
    )
    assert [row.action for row in audit] == ["grants.confirm"]


async def test_an_unconfirmed_grant_can_be_ended(world: World) -> None:
    first, person = await world.person(Role.SECURITY_ADMIN), await world.person()
    await verify(first, person)
    made = await given(first, person, EXPERT)
    assert (await first.act(made.headers["location"], "end", {"reason": "未通过复核"})).json()["state"] == "ended"


async def test_nobody_grants_confirms_or_ends_for_themselves(world: World) -> None:
    first, second = await world.person(Role.SECURITY_ADMIN), await world.person(Role.SECURITY_ADMIN)
    assert (await first.post(of(first), {"nonsense": 1})).json()["code"] == "four_eyes"
    [own] = (await first.get(of(first))).json()["items"]
    assert (await first.act(f"{of(first)}/{own['id']}", "end", {"reason": "自行结束"})).json()["code"] == "four_eyes"
    assert (await second.act(f"{of(first)}/{own['id']}", "end", {"reason": "岗位调整"})).status_code == 200
    assert len(await world.rows("SELECT 1 FROM audit_entries WHERE outcome = 'denied' AND actor_id = :id", id=first.id))


async def test_the_holder_does_not_confirm(world: World) -> None:
    """Only reachable where the holder is a security administrator too, which the rules forbid: set by the operator."""
    granter, holder = await world.person(Role.SECURITY_ADMIN), await world.person()
    await verify(granter, holder)
    made = await given(granter, holder, EXPERT)
    async with world.admin.administration() as session:
        await registry.add_grant(session, holder.id, Role.SECURITY_ADMIN)
    await world.renew(holder)
    assert (await holder.act(made.headers["location"], "confirm")).json()["code"] == "four_eyes"
    other = await world.person(Role.SECURITY_ADMIN)
    clash = await other.act(made.headers["location"], "confirm")
    assert (clash.status_code, clash.json()["reason"]) == (409, "separation_of_duties")


@pytest.mark.parametrize(
    ("held", "wanted"),
    [
        (Role.SYSTEM_ADMIN, {"role": "auditor", "reason": "岗位安排"}),
        (Role.SYSTEM_ADMIN, EDITOR),
        (Role.AUDITOR, {"role": "discipline_inspector", "reason": "岗位安排"}),
        (Role.DISCIPLINE_INSPECTOR, {"role": "auditor", "reason": "岗位安排"}),
        ((Role.REGION_EDITOR, "152501"), {"role": "security_admin", "reason": "岗位安排"}),
    ],
)
async def test_administrators_hold_one_role(world: World, held: Any, wanted: dict[str, str]) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person(held)
    refused = await security.post(of(person), wanted)
    assert (refused.status_code, refused.json()["reason"]) == (409, "separation_of_duties")
    assert (await person.get("/v1/me")).status_code == 200


async def test_two_administrations_at_once_leave_one(world: World) -> None:
    first, second = await world.person(Role.SECURITY_ADMIN), await world.person(Role.SECURITY_ADMIN)
    for _ in range(5):
        person = await world.person()
        answers = await asyncio.gather(
            first.post(of(person), {"role": "auditor", "reason": "岗位安排"}),
            second.post(of(person), {"role": "system_admin", "reason": "岗位安排"}),
            first.post(of(person), EDITOR),
        )
        assert sorted(answer.status_code for answer in answers) == [201, 409, 409]


async def test_the_same_role_twice_is_a_conflict(world: World) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person()
    await given(security, person, EDITOR)
    again = await security.post(of(person), EDITOR)
    assert (again.status_code, again.json()["reason"]) == (409, "grant_exists")
    await given(security, person, {**EDITOR, "region_code": "152502"})


async def test_of_two_who_end_each_other_one_is_left(world: World) -> None:
    first, second = await world.person(Role.SECURITY_ADMIN), await world.person(Role.SECURITY_ADMIN)
    [one] = (await first.get(of(first))).json()["items"]
    [two] = (await first.get(of(second))).json()["items"]
    await asyncio.gather(
        second.act(f"{of(first)}/{one['id']}", "end", {"reason": "互相结束"}),
        first.act(f"{of(second)}/{two['id']}", "end", {"reason": "互相结束"}),
        return_exceptions=True,
    )
    left = await world.rows("SELECT 1 FROM grants WHERE role = 'security_admin' AND state = 'active'")
    assert len(left) == 1


async def test_refusals_come_in_order(world: World, http: AsyncClient) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person(Role.DISCIPLINE_INSPECTOR)
    admin, auditor = await world.person(Role.SYSTEM_ADMIN), await world.person(Role.AUDITOR)
    [grant] = (await auditor.get(of(person))).json()["items"]
    place = f"{of(person)}/{grant['id']}"
    assert (await http.get(of(person))).status_code == 401
    assert (await person.get(of(person))).json()["code"] == "insufficient_scope"
    for outsider in (person, admin, auditor):
        assert (await outsider.post(of(person), {"nonsense": 1})).json()["code"] == "insufficient_scope"
        assert (await outsider.post(f"{place}/confirm")).json()["code"] == "insufficient_scope"
        assert (await outsider.post(f"{place}/end", {"nonsense": 1})).json()["code"] == "insufficient_scope"
    absent = f"/v1/people/{uuid4()}/grants"
    assert (await security.post(absent, {"nonsense": 1})).status_code == 404
    for hidden in (f"{absent}/{grant['id']}", f"{of(admin)}/{grant['id']}", f"{of(person)}/{uuid4()}"):
        assert (await security.get(hidden)).status_code == 404
        assert (await security.post(f"{hidden}/end", {"nonsense": 1})).status_code == 404
        assert (await security.post(f"{hidden}/confirm")).status_code == 404
    assert (await security.post(f"{place}/confirm")).json()["code"] == "state_conflict"
    assert (await security.post(f"{place}/end", {"nonsense": 1})).status_code == 428
    assert (await security.post(f"{place}/end", {"nonsense": 1}, etag='"7.0123456789abcdef"')).status_code == 412
    refused = await security.act(place, "end", {"nonsense": 1})
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/reason", "/nonsense"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"role": "region_editor"}, {("/region_code", "required")}),
        ({"role": "region_editor", "region_code": "999999"}, {("/region_code", "unknown_reference")}),
        ({"role": "region_editor", "region_code": "152500"}, {("/region_code", "unknown_reference")}),
        (
            {"role": "league_department", "region_code": "152501"},
            {("/region_code", "invalid_value"), ("/organisation_id", "required")},
        ),
        (
            {"role": "construction_entity", "organisation_id": str(uuid4())},
            {("/organisation_id", "unknown_reference")},
        ),
        ({"role": "auditor", "region_code": "152501"}, {("/region_code", "invalid_value")}),
        ({"role": "emperor"}, {("/role", "invalid_choice")}),
    ],
)
async def test_bindings_are_checked(world: World, body: dict[str, str], expected: set[tuple[str, str]]) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person()
    refused = await security.post(of(person), {"reason": "岗位安排", **body})
    assert refused.status_code == 422, refused.text
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == expected


async def test_a_key_is_used_once(world: World) -> None:
    security, person = await world.person(Role.SECURITY_ADMIN), await world.person()
    first = await security.post(of(person), EDITOR, key="once")
    again = await security.post(of(person), EDITOR, key="once")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert len((await security.get(of(person))).json()["items"]) == 1
