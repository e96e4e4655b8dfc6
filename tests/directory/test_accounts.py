"""Accounts: opened once, disabled and enabled, every token ended at once."""

import asyncio
from uuid import uuid4

import pytest
from httpx import AsyncClient, Response

from app.models.identity import Role
from tests.world import PASSWORD, World

BODY = {"username": "Erenhot.Editor1 ", "initial_password": PASSWORD}


async def login(http: AsyncClient, username: str) -> Response:
    form = {"grant_type": "password", "username": username, "password": PASSWORD}
    return await http.post("/v1/auth/token", data=form)


async def test_an_account_is_opened_once_and_its_owner_logs_in(world: World, http: AsyncClient) -> None:
    admin, person = await world.person(Role.SYSTEM_ADMIN), await world.person((Role.REGION_EDITOR, "152501"))
    path = f"/v1/people/{person.id}/account"
    assert (await admin.get(path)).status_code == 404
    made = await admin.client.post(path, json=BODY)
    assert made.status_code == 201, made.text
    assert PASSWORD not in made.text
    assert made.json()["username"] == "erenhot.editor1"
    shown = await admin.get(made.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    assert (await login(http, "erenhot.editor1")).status_code == 200
    for body in (BODY, {"nonsense": 1}):
        again = await admin.client.post(path, json=body)
        assert (again.status_code, again.json()["reason"]) == (409, "account_exists")
    other = await world.person()
    taken = await admin.client.post(f"/v1/people/{other.id}/account", json=BODY)
    assert (taken.status_code, taken.json()["reason"]) == (409, "username_taken")
    [audit] = await world.rows(
        "SELECT changes FROM audit_entries WHERE action = 'accounts.create' AND resource_id = :id", id=person.id
    )
    assert audit.changes == {"username": "erenhot.editor1"}
    assert await world.rows("SELECT 1 FROM idempotency_records") == []


async def test_opened_at_the_same_time_it_is_opened_once(world: World) -> None:
    admin, person = await world.person(Role.SYSTEM_ADMIN), await world.person()
    path = f"/v1/people/{person.id}/account"
    answers = await asyncio.gather(
        *(admin.client.post(path, json={**BODY, "username": f"user{n}.example"}) for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(await world.rows("SELECT 1 FROM credentials WHERE person_id = :id", id=person.id)) == 1


async def test_refusals_come_in_order(world: World, http: AsyncClient) -> None:
    admin, office = await world.person(Role.SYSTEM_ADMIN), await world.person(Role.LEAGUE_OFFICE)
    security = await world.person(Role.SECURITY_ADMIN)
    path = f"/v1/people/{office.id}/account"
    assert (await http.post(path, json=BODY)).status_code == 401
    for outsider in (office, security):
        assert (await outsider.client.post(path, json={"nonsense": 1})).json()["code"] == "insufficient_scope"
        assert (await outsider.post(f"{path}/disable", {})).json()["code"] == "insufficient_scope"
        assert (await outsider.post(f"{path}/enable", {})).json()["code"] == "insufficient_scope"
    absent = f"/v1/people/{uuid4()}/account"
    assert (await admin.client.post(absent, json={"nonsense": 1})).status_code == 404
    assert (await admin.post(f"{path}/disable", {"nonsense": 1})).status_code == 404
    await admin.client.post(path, json=BODY)
    assert (await admin.post(f"{path}/disable", {"nonsense": 1})).status_code == 428
    assert (await admin.post(f"{path}/disable", {}, etag='"7.0123456789abcdef"')).status_code == 412
    assert (await admin.act(path, "disable", {})).json()["errors"][0]["pointer"] == "/reason"
    assert (await admin.act(path, "enable", {"reason": "误操作"})).json()["code"] == "state_conflict"


async def test_who_sees_an_account(world: World) -> None:
    security, colleague = await world.person(Role.SECURITY_ADMIN), await world.person(Role.LEAGUE_OFFICE)
    person = await world.person((Role.REGION_EDITOR, "152501"), username="holder.example")
    path = f"/v1/people/{person.id}/account"
    assert (await security.get(path)).status_code == 200
    assert (await person.get(path)).json()["allowed_actions"][0]["reason"] == "scope_missing"
    assert (await colleague.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"initial_password": "short"}, "/initial_password", "weak_password"),
        ({"initial_password": "erenhot.editor1-A1"}, "/initial_password", "weak_password"),
        ({"initial_password": "aaaaaaaaaaaaaaaaaaaa"}, "/initial_password", "weak_password"),
        ({"initial_password": "x" * 1025}, "/initial_password", "too_long"),
        ({"username": "张三"}, "/username", "too_short"),
        ({"username": "a b c"}, "/username", "invalid_format"),
        ({"username": "x" * 65}, "/username", "too_long"),
        ({"is_demo": True}, "/is_demo", "unknown_field"),
    ],
)
async def test_accounts_are_checked(world: World, change: dict[str, str], pointer: str, code: str) -> None:
    admin, person = await world.person(Role.SYSTEM_ADMIN), await world.person()
    refused = await admin.client.post(f"/v1/people/{person.id}/account", json={**BODY, **change})
    assert refused.status_code == 422, refused.text
    assert [(error["pointer"], error["code"]) for error in refused.json()["errors"]] == [(pointer, code)]
    assert await world.rows("SELECT 1 FROM accounts") == []


async def test_disabling_ends_logins_and_tokens_at_once(world: World, http: AsyncClient) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN, username="admin.example")
    person = await world.person((Role.REGION_EDITOR, "152501"), username="holder.example")
    bystander = await world.person((Role.REGION_EDITOR, "152501"))
    tokens = (await login(http, "holder.example")).json()
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await http.get("/v1/me", headers=bearer)).status_code == 200
    path = f"/v1/people/{person.id}/account"
    disabled = await admin.act(path, "disable", {"reason": "调离岗位"})
    assert (disabled.status_code, disabled.json()["state"]) == (200, "disabled")
    assert (await person.get("/v1/me")).status_code == 401
    assert (await http.get("/v1/me", headers=bearer)).status_code == 401
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert (await http.post("/v1/auth/token", data=refresh)).status_code == 400
    assert (await login(http, "holder.example")).status_code == 400
    assert (await bystander.get("/v1/me")).status_code == 200
    assert (await admin.act(path, "disable", {"reason": "调离岗位"})).status_code == 409
    enabled = await admin.act(path, "enable", {"reason": "恢复原岗位"})
    assert (enabled.status_code, enabled.json()["disabled_at"], enabled.json()["version"]) == (200, None, 3)
    assert (await person.get("/v1/me")).status_code == 401
    assert (await http.get("/v1/me", headers=bearer)).status_code == 401
    assert (await login(http, "holder.example")).status_code == 200
    audit = await world.rows(
        "SELECT action, reason FROM audit_entries WHERE resource_id = :id AND action LIKE 'accounts.%able' "
        "ORDER BY action",
        id=person.id,
    )
    assert [tuple(row) for row in audit] == [
        ("accounts.disable", "调离岗位"),
        ("accounts.enable", "恢复原岗位"),
    ]


async def test_nobody_disables_the_own_account(world: World) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN, username="admin.example")
    path = f"/v1/people/{admin.id}/account"
    assert (await admin.act(path, "disable", {"reason": "误操作"})).json()["code"] == "four_eyes"
    assert (await admin.get("/v1/me")).status_code == 200


async def test_of_two_administrators_who_disable_each_other_one_is_left(world: World) -> None:
    first = await world.person(Role.SYSTEM_ADMIN, username="first.example")
    second = await world.person(Role.SYSTEM_ADMIN, username="second.example")
    answers = await asyncio.gather(
        first.act(f"/v1/people/{second.id}/account", "disable", {"reason": "互相停用"}),
        second.act(f"/v1/people/{first.id}/account", "disable", {"reason": "互相停用"}),
        return_exceptions=True,
    )
    assert len(answers) == 2
    left = await world.rows("SELECT 1 FROM accounts WHERE disabled_at IS NULL")
    assert len(left) == 1
