"""Clients over HTTP: who asks is not who gives, what ends is immediate, and the database insists on both."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from httpx import AsyncClient, Response

from app.models.identity import Role
from tests.auth.test_clients import by_basic
from tests.auth.test_login import me
from tests.world import Actor, World

CLIENTS = "/v1/clients"
SCOPES = ["directory:read", "imports:read", "projects:push"]


async def body(world: World, **more: Any) -> dict[str, Any]:
    return {
        "client_id": f"system-{uuid4().hex[:8]}",
        "name": "示例推送系统（示例）",
        "organisation_id": str(await world.organisation(region_code="152500", kind="department")),
        "source_system": f"source-{uuid4().hex[:8]}",
        "scopes": SCOPES,
        "regions": ["152501", "152502"],
        **more,
    }


async def registered(admin: Actor, sent: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Its place, and what was answered."""
    made = await admin.post(CLIENTS, sent)
    assert made.status_code == 201, made.text
    return made.headers["location"], made.json()


async def secret_of(admin: Actor, place: str) -> str:
    made = await admin.client.post(f"{place}/secrets")
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])


async def working(admin: Actor, security: Actor, sent: dict[str, Any]) -> tuple[str, str]:
    """A confirmed client: its place and its secret."""
    place, _ = await registered(admin, sent)
    assert (await security.act(place, "confirm")).status_code == 200
    return place, await secret_of(admin, place)


async def token_of(http: AsyncClient, client_id: str, secret: str) -> dict[str, Any]:
    answer = await by_basic(http, client_id, secret)
    assert answer.status_code == 200, answer.text
    issued: dict[str, Any] = answer.json()
    return issued


@pytest.fixture
async def admin(world: World) -> Actor:
    return await world.person(Role.SYSTEM_ADMIN)


@pytest.fixture
async def security(world: World) -> Actor:
    return await world.person(Role.SECURITY_ADMIN)


async def test_a_registration_gives_nothing_until_it_is_confirmed(
    world: World, http: AsyncClient, admin: Actor, security: Actor
) -> None:
    sent = await body(world)
    place, shown = await registered(admin, sent)
    assert (shown["state"], shown["scopes"], shown["regions"]) == ("awaiting_confirmation", [], [])
    assert (shown["requested_scopes"], shown["requested_regions"]) == (SCOPES, ["152501", "152502"])
    assert shown["requested_by"] == str(admin.id)
    secret = await secret_of(admin, place)
    before = await token_of(http, sent["client_id"], secret)
    assert before["scope"] == ""
    seen = (await security.get(place)).json()
    assert {a["action"]: a["reason"] for a in seen["allowed_actions"]} == {
        "edit": "scope_missing",
        "confirm": None,
        "disable": None,
        "enable": "wrong_state",
        "secrets": "scope_missing",
    }
    confirmed = await security.act(place, "confirm")
    assert (confirmed.status_code, confirmed.json()["state"]) == (200, "active")
    assert (confirmed.json()["scopes"], confirmed.json()["confirmed_by"]) == (SCOPES, str(security.id))
    assert (await me(http, before["access_token"])).status_code == 401
    issued = await token_of(http, sent["client_id"], secret)
    assert issued["scope"] == " ".join(SCOPES)
    row = {"external_id": "一号", "name": "示例项目（示例）", "region_code": "152501"}
    pushed = await http.post(
        "/v1/imports/projects",
        params={"dry_run": "true"},
        json={"items": [row, {**row, "external_id": "二号", "region_code": "152522"}]},
        headers={"Authorization": f"Bearer {issued['access_token']}", "Idempotency-Key": uuid4().hex},
    )
    codes = [{error["code"] for error in answered["errors"]} for answered in pushed.json()["rows"]]
    assert ["outside_regions" in found for found in codes] == [False, True]
    assert (await security.act(place, "confirm")).json()["code"] == "state_conflict"
    acts = await world.rows(
        "SELECT action, actor_id FROM audit_entries WHERE resource_id = :id AND action LIKE 'clients.%' "
        "ORDER BY action",
        id=UUID(shown["id"]),
    )
    assert [tuple(row) for row in acts] == [
        ("clients.add_secret", admin.id),
        ("clients.confirm", security.id),
        ("clients.create", admin.id),
    ]
    [registered_as] = await world.rows("SELECT changes FROM audit_entries WHERE action = 'clients.create'")
    assert registered_as.changes.items() >= sent.items()
    assert await world.rows("SELECT 1 FROM outbox_events WHERE type = 'clients.confirm'")


async def test_what_is_added_waits_and_what_is_dropped_ends_at_once(
    world: World, http: AsyncClient, admin: Actor, security: Actor
) -> None:
    sent = await body(world)
    place, secret = await working(admin, security, sent)
    token = (await token_of(http, sent["client_id"], secret))["access_token"]
    tag = (await admin.get(place)).headers["etag"]
    named = await admin.patch(place, {"name": "改名的系统（示例）", "rate_limits": {"reads": 50}}, etag=tag)
    assert (named.status_code, named.json()["rate_limits"]) == (200, {"reads": 50, "writes": None, "pushes": None})
    assert (await me(http, token)).status_code == 200
    asked = {"scopes": ["imports:read", "projects:read", "projects:push"], "regions": ["152502", "152522"]}
    changed = await admin.patch(place, asked, etag=named.headers["etag"])
    shown = changed.json()
    assert (shown["state"], shown["scopes"]) == ("awaiting_confirmation", ["imports:read", "projects:push"])
    assert (shown["regions"], shown["requested_regions"]) == (["152502"], ["152502", "152522"])
    assert (await me(http, token)).status_code == 401
    assert (await token_of(http, sent["client_id"], secret))["scope"] == "imports:read projects:push"
    assert (await security.act(place, "confirm")).json()["regions"] == ["152502", "152522"]
    assert (await token_of(http, sent["client_id"], secret))["scope"] == "imports:read projects:push projects:read"
    narrowed = await admin.patch(place, {"regions": ["152522"]}, etag=(await admin.get(place)).headers["etag"])
    assert (narrowed.json()["state"], narrowed.json()["regions"]) == ("active", ["152522"])
    traces = await world.rows(
        "SELECT actor_id, changes FROM audit_entries WHERE action = 'clients.update' ORDER BY changes::text"
    )
    assert [entry.actor_id for entry in traces] == [admin.id] * 3
    assert asked in [entry.changes for entry in traces]


@pytest.mark.parametrize("stopper", ["admin", "security"])
async def test_disabling_is_immediate_by_either(
    world: World, http: AsyncClient, admin: Actor, security: Actor, stopper: str
) -> None:
    sent = await body(world)
    place, secret = await working(admin, security, sent)
    token = (await token_of(http, sent["client_id"], secret))["access_token"]
    by = {"admin": admin, "security": security}[stopper]
    stopped = await by.act(place, "disable", {"reason": "密钥疑似泄露（示例）"})
    assert (stopped.status_code, stopped.json()["state"]) == (200, "disabled")
    assert (await me(http, token)).status_code == 401
    refused = await by_basic(http, sent["client_id"], secret)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
    assert (await by.act(place, "disable", {"reason": "再次停用"})).json()["code"] == "state_conflict"
    assert (await admin.client.post(f"{place}/secrets")).json()["code"] == "state_conflict"
    assert (await admin.act(place, "enable", {"reason": "密钥已更换"})).json()["code"] == "insufficient_scope"
    back = await security.act(place, "enable", {"reason": "密钥已更换"})
    assert (back.status_code, back.json()["state"], back.json()["scopes"]) == (200, "active", SCOPES)
    assert (await me(http, token)).status_code == 401
    assert (await token_of(http, sent["client_id"], secret))["scope"] == " ".join(SCOPES)
    kept = await world.rows(
        "SELECT action, actor_id, reason FROM audit_entries WHERE action IN ('clients.disable', 'clients.enable')"
    )
    assert {tuple(entry) for entry in kept} == {
        ("clients.disable", by.id, "密钥疑似泄露（示例）"),
        ("clients.enable", security.id, "密钥已更换"),
    }


async def test_no_token_is_accepted_once_the_end_is_acknowledged(
    world: World, http: AsyncClient, admin: Actor, security: Actor
) -> None:
    sent = await body(world)
    place, secret = await working(admin, security, sent)
    for _ in range(4):
        token = (await token_of(http, sent["client_id"], secret))["access_token"]
        acknowledged, late = asyncio.Event(), list[int]()

        async def keep_asking(token: str, acknowledged: asyncio.Event, late: list[int]) -> None:
            for _ in range(30):
                begun_after = acknowledged.is_set()
                answer = await me(http, token)
                if begun_after:
                    late.append(answer.status_code)

        async def stop(acknowledged: asyncio.Event) -> None:
            assert (await security.act(place, "disable", {"reason": "停用（示例）"})).status_code == 200
            acknowledged.set()

        await asyncio.gather(stop(acknowledged), *(keep_asking(token, acknowledged, late) for _ in range(2)))
        late.append((await me(http, token)).status_code)
        assert set(late) == {401}
        assert (await security.act(place, "enable", {"reason": "恢复（示例）"})).status_code == 200


async def test_nobody_confirms_what_they_asked_for(world: World, admin: Actor) -> None:
    """Only reachable where one person holds both, which the rules of grants forbid: set by the operator."""
    both = await world.person(Role.SYSTEM_ADMIN, Role.SECURITY_ADMIN)
    place, _ = await registered(both, await body(world))
    refused = await both.act(place, "confirm")
    assert (refused.status_code, refused.json()["code"], refused.json()["reason"]) == (409, "four_eyes", "same_person")
    other, _ = await registered(admin, await body(world))
    assert (await both.act(other, "confirm")).status_code == 200


async def test_a_source_system_belongs_to_one_organisation(world: World, admin: Actor) -> None:
    sent = await body(world)
    await registered(admin, sent)
    same = await admin.post(CLIENTS, {**sent, "client_id": "another-of-the-same"})
    assert same.status_code == 201
    stranger = await body(world, source_system=sent["source_system"])
    refused = await admin.post(CLIENTS, stranger)
    assert (refused.status_code, refused.json()["reason"]) == (409, "source_system_taken")
    twice = await admin.post(CLIENTS, {**stranger, "source_system": "elsewhere", "client_id": sent["client_id"]})
    assert (twice.status_code, twice.json()["reason"]) == (409, "client_id_taken")
    # Two at once: one of them.
    bodies = [await body(world, source_system="contested") for _ in range(4)]
    answers = await asyncio.gather(*(admin.post(CLIENTS, one) for one in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"scopes": ["plans:read"]}, {("/scopes/0", "invalid_choice")}),
        ({"scopes": []}, {("/scopes", "too_few")}),
        ({"regions": []}, {("/regions", "too_few")}),
        (
            {"regions": ["152501", "152500", "999999"], "organisation_id": str(uuid4())},
            {
                ("/regions/1", "unknown_reference"),
                ("/regions/2", "unknown_reference"),
                ("/organisation_id", "unknown_reference"),
            },
        ),
        ({"client_id": "名字"}, {("/client_id", "invalid_format")}),
        ({"source_system": "a b"}, {("/source_system", "invalid_format")}),
        # Under these names staff push: nobody else speaks for them.
        ({"source_system": "region-152501"}, {("/source_system", "invalid_choice")}),
        ({"source_system": "league-office"}, {("/source_system", "invalid_choice")}),
        (
            {"rate_limits": {"reads": 0, "colour": 1}},
            {("/rate_limits/reads", "out_of_range"), ("/rate_limits/colour", "unknown_field")},
        ),
        ({"secret": "mine"}, {("/secret", "unknown_field")}),
    ],
)
async def test_what_is_sent_is_checked(
    world: World, admin: Actor, wrong: dict[str, Any], expected: set[tuple[str, str]]
) -> None:
    refused = await admin.post(CLIENTS, {**await body(world), **wrong})
    assert refused.status_code == 422, refused.text
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == expected


async def test_a_patch_names_what_it_may_change(world: World, admin: Actor) -> None:
    place, _ = await registered(admin, await body(world))
    tag = (await admin.get(place)).headers["etag"]

    async def refused(sent: dict[str, Any]) -> set[tuple[str, str]]:
        answer = await admin.patch(place, sent, etag=tag)
        assert answer.status_code == 422, answer.text
        return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}

    assert await refused({"source_system": "other", "client_id": "other"}) == {
        ("/source_system", "unknown_field"),
        ("/client_id", "unknown_field"),
    }
    assert await refused({"name": None, "scopes": None}) == {("/name", "required"), ("/scopes", "required")}
    assert await refused({"regions": ["152501", "152500"]}) == {("/regions/1", "unknown_reference")}


async def test_refusals_come_in_order(world: World, http: AsyncClient, admin: Actor, security: Actor) -> None:
    office, auditor = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.AUDITOR)
    machine = await world.machine("152501")
    place, _ = await registered(admin, await body(world))

    def code(answer: Response) -> str:
        return str(answer.json()["code"])

    assert (await http.get(CLIENTS)).status_code == 401
    assert (await http.get(place)).status_code == 401
    for outsider in (office, machine):
        for path in (CLIENTS, place, f"{place}/secrets"):
            assert code(await outsider.get(path)) == "insufficient_scope"
    for outsider in (office, machine, security, auditor):
        assert code(await outsider.post(CLIENTS, {"nonsense": 1})) == "insufficient_scope"
        assert code(await outsider.patch(place, {"nonsense": 1})) == "insufficient_scope"
        assert code(await outsider.client.post(f"{place}/secrets")) == "insufficient_scope"
    for outsider in (office, machine, admin, auditor):
        assert code(await outsider.post(f"{place}/confirm")) == "insufficient_scope"
    assert code(await auditor.post(f"{place}/disable", {"reason": "停用（示例）"})) == "insufficient_scope"
    assert (await auditor.get(place)).status_code == 200
    absent = f"{CLIENTS}/{uuid4()}"
    assert code(await admin.get(absent)) == "not_found"
    assert code(await admin.get(f"{absent}/secrets")) == "not_found"
    assert code(await admin.patch(absent, {"nonsense": 1})) == "not_found"
    assert code(await admin.client.post(f"{absent}/secrets")) == "not_found"
    assert code(await security.post(f"{absent}/confirm")) == "not_found"
    assert code(await admin.post(f"{absent}/disable", {"nonsense": 1})) == "not_found"
    assert code(await security.post(f"{place}/enable", {"nonsense": 1})) == "state_conflict"
    assert code(await admin.patch(place, {"nonsense": 1})) == "precondition_required"
    assert code(await security.post(f"{place}/confirm")) == "precondition_required"
    assert code(await admin.patch(place, {"nonsense": 1}, etag='"9.0123456789abcdef"')) == "precondition_failed"
    assert code(await admin.act(place, "disable", {"nonsense": 1})) == "validation_failed"


async def test_lists_are_narrowed(world: World, admin: Actor) -> None:
    sent = await body(world, client_id="alpha")
    await registered(admin, sent)
    await registered(admin, await body(world, client_id="beta"))
    every = (await admin.get(CLIENTS, params={"limit": 1, "include_total": "true"})).json()
    assert ([item["client_id"] for item in every["items"]], every["total"]) == (["alpha"], 2)
    rest = (await admin.get(CLIENTS, params={"cursor": every["next_cursor"]})).json()
    assert [item["client_id"] for item in rest["items"]] == ["beta"]
    for name in ("organisation_id", "source_system"):
        found = (await admin.get(CLIENTS, params={name: sent[name]})).json()["items"]
        assert [item["client_id"] for item in found] == ["alpha"]


async def test_a_key_is_used_once(world: World, admin: Actor, security: Actor) -> None:
    sent = await body(world)
    first, again = [await admin.post(CLIENTS, sent, key="once") for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    place, tag = first.headers["location"], first.headers["etag"]
    first, again = [await security.post(f"{place}/confirm", etag=tag, key="confirmed-once") for _ in range(2)]
    assert (first.status_code, again.status_code, again.json()) == (200, 200, first.json())
    assert len((await admin.get(CLIENTS)).json()["items"]) == 1


GIVES = "UPDATE clients SET scopes = '{projects:push}', regions = '{152501}' WHERE id = $1"
ASKS = "UPDATE clients SET requested_scopes = '{projects:read}' WHERE id = $1"


async def test_the_database_insists_that_who_asks_does_not_give(
    world: World, app_role: asyncpg.Connection, admin: Actor, security: Actor
) -> None:
    """Also where a route forgot it: SQL in the name of one administrator does not do the other's part."""
    _, shown = await registered(admin, await body(world))
    client = UUID(shown["id"])

    async def tries(actor: Actor, statement: str, *values: Any) -> None:
        async with app_role.transaction():
            await app_role.execute("SELECT gate.enter_exclusive('person', $1, ARRAY[$2::uuid], '{}')", actor.id, client)
            await app_role.execute(statement, *values)

    for actor, statement in (
        (admin, GIVES),
        (security, ASKS),
        (security, "UPDATE clients SET scopes = '{audit:read}' WHERE id = $1"),
        (admin, "UPDATE clients SET requested_by = gen_random_uuid() WHERE id = $1"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tries(actor, statement, client)
    for moved in (
        "UPDATE clients SET organisation_id = gen_random_uuid() WHERE id = $1",
        "UPDATE clients SET source_system = 'other' WHERE id = $1",
        "UPDATE clients SET client_id = 'other' WHERE id = $1",
    ):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError):
            await tries(admin, moved, client)
    office = await world.person(Role.LEAGUE_OFFICE)
    for actor, secret in (
        (office, "SELECT gate.client_secrets($1)"),
        (office, "SELECT gate.add_client_secret(gen_random_uuid(), $1, 'digest', now())"),
        (security, "SELECT gate.add_client_secret(gen_random_uuid(), $1, 'digest', now())"),
        (office, "SELECT gate.revoke_client_secret(gen_random_uuid(), $1, now())"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tries(actor, secret, client)
    await tries(security, GIVES, client)
    [row] = await world.rows("SELECT scopes, regions FROM clients WHERE id = :id", id=client)
    assert tuple(row) == (["projects:push"], ["152501"])
