"""Practice areas: five answers per route, their life, geometry, and that a recused officer changes none."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from httpx import AsyncClient

from app.models.identity import Role
from tests.world import World

PATH = "/v1/practice-areas"
RING = [[111.0, 43.0], [112.0, 43.0], [112.0, 44.0], [111.0, 43.0]]
BODY: dict[str, Any] = {"name": "草原生态牧业实践区（示例）", "region_code": "152501"}
REASON = {"reason": "范围优化调整"}


async def test_established_adjusted_withdrawn(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    body = {
        **BODY,
        "function": "有机畜牧（示例）",
        "mode_code": "ecological_agriculture",
        "entity_ids": [str(await world.organisation()), str(await world.organisation())],
        "geometry": {"type": "Polygon", "coordinates": [RING]},
        "established_on": "2026-01-15",
    }
    made = await office.post(PATH, body, key="once")
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    shown = await office.get(place)
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    assert {name: shown.json()[name] for name in body} == body
    assert (await office.post(PATH, body, key="once")).json() == made.json()
    for times in (1, 2):
        adjusted = await office.act(place, "adjust", {"reason": f"第{times}次调整"})
        assert (adjusted.status_code, adjusted.json()["state"]) == (200, "adjusted")
        assert adjusted.json()["state_reason"] == f"第{times}次调整"
    withdrawn = await office.act(place, "withdraw", {"reason": "建设任务完成"})
    assert (withdrawn.json()["state"], withdrawn.json()["version"]) == ("withdrawn", 4)
    assert {action["reason"] for action in withdrawn.json()["allowed_actions"]} == {"wrong_state"}
    etag = withdrawn.headers["etag"]
    assert (await office.post(f"{place}/adjust", REASON, etag=etag)).json()["code"] == "state_conflict"
    assert (await office.post(f"{place}/withdraw", REASON, etag=etag)).json()["code"] == "state_conflict"
    assert (await office.patch(place, {"name": "新名"}, etag=etag)).json()["code"] == "state_conflict"
    audit = await world.rows(
        "SELECT action, reason, region_code FROM audit_entries WHERE resource_id = :id ORDER BY occurred_at, action",
        id=made.json()["id"],
    )
    assert [row.action for row in audit].count("practice_areas.adjust") == 2
    assert {row.region_code for row in audit} == {"152501"}
    assert {row.action for row in audit} >= {"practice_areas.create", "practice_areas.withdraw"}


async def test_the_league_itself_can_be_one_and_everybody_reads(world: World) -> None:
    admin = await world.person(Role.SYSTEM_ADMIN)
    made = await admin.post(PATH, {**BODY, "region_code": "152500"})
    assert made.status_code == 201, made.text
    readers = [await world.machine("152502"), await world.person(Role.EXPERT)]
    readers.append(await world.person((Role.REGION_EDITOR, "152502")))
    for reader in readers:
        shown = await reader.get(made.headers["location"])
        assert shown.status_code == 200
        assert {action["reason"] for action in shown.json()["allowed_actions"]} == {"scope_missing"}


async def test_a_patch_states_what_changes(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(PATH, {**BODY, "function": "甲", "geometry": {"type": "Point", "coordinates": [111, 43]}})
    place, etag = made.headers["location"], made.headers["etag"]
    changed = await office.patch(place, {"function": None, "name": "新名（示例）"}, etag=etag)
    assert changed.status_code == 200, changed.text
    assert (changed.json()["function"], changed.json()["name"]) == (None, "新名（示例）")
    assert changed.json()["geometry"] == {"type": "Point", "coordinates": [111, 43]}
    assert changed.json()["state"] == "established"
    cleared = await office.patch(place, {"geometry": None}, etag=changed.headers["etag"])
    assert cleared.json()["geometry"] is None
    refused = await office.patch(place, {"name": None, "entity_ids": None}, etag=cleared.headers["etag"])
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/name", "/entity_ids"}
    assert (await office.patch(place, {"region_code": "152502"}, etag=cleared.headers["etag"])).status_code == 422
    assert await world.rows("SELECT 1 FROM audit_entries WHERE action = 'practice_areas.update'")


async def test_refusals_come_in_order(world: World, http: AsyncClient) -> None:
    office, editor = await world.person(Role.LEAGUE_OFFICE), await world.person((Role.REGION_EDITOR, "152501"))
    place = (await office.post(PATH, BODY)).headers["location"]
    assert (await http.get(PATH)).status_code == 401
    assert (await http.get(place)).status_code == 401
    assert (await editor.post(PATH, {"nonsense": 1})).json()["code"] == "insufficient_scope"
    assert (await editor.patch(place, {"nonsense": 1})).json()["code"] == "insufficient_scope"
    assert (await editor.post(f"{place}/withdraw", {"nonsense": 1})).json()["code"] == "insufficient_scope"
    for absent in (f"{PATH}/{uuid4()}", f"{PATH}/x"):
        assert (await office.get(absent)).status_code == 404
        assert (await office.patch(absent, {"nonsense": 1})).status_code == 404
        assert (await office.post(f"{absent}/adjust", {"nonsense": 1})).status_code == 404
    assert (await office.patch(place, {"nonsense": 1})).status_code == 428
    assert (await office.post(f"{place}/adjust", {"nonsense": 1})).status_code == 428
    assert (await office.post(f"{place}/adjust", {"nonsense": 1}, etag='"8.0123456789abcdef"')).status_code == 412
    assert (await office.act(place, "adjust", {"nonsense": 1})).status_code == 422


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"region_code": "999999"}, {("/region_code", "unknown_reference")}),
        ({"mode_code": "magic"}, {("/mode_code", "unknown_reference")}),
        ({"entity_ids": [str(uuid4())]}, {("/entity_ids/0", "unknown_reference")}),
        ({"geometry": {"type": "Circle", "coordinates": [1, 2]}}, {("/geometry/type", "invalid_choice")}),
        ({"geometry": {"type": "Point", "coordinates": []}}, {("/geometry/coordinates", "too_few")}),
        ({"geometry": {"type": "Point", "coordinates": [43, 111]}}, {("/geometry/coordinates/1", "out_of_range")}),
        (
            {"geometry": {"type": "Polygon", "coordinates": [RING[:3]]}},
            {("/geometry/coordinates/0", "too_few")},
        ),
        (
            {"geometry": {"type": "Point", "coordinates": [1, 2], "crs": {}}},
            {("/geometry/crs", "unknown_field")},
        ),
        ({"established_on": "2026-1-1"}, {("/established_on", "invalid_format")}),
        ({"name": ""}, {("/name", "too_short")}),
    ],
)
async def test_areas_are_checked(world: World, change: dict[str, Any], errors: set[tuple[str, str]]) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    refused = await office.post(PATH, {**BODY, **change})
    assert refused.status_code == 422, refused.text
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == errors
    assert await world.rows("SELECT 1 FROM practice_areas") == []


async def test_infinite_numbers_and_repeated_entities(world: World) -> None:
    office, entity = await world.person(Role.LEAGUE_OFFICE), str(await world.organisation())
    raw = '{"name":"x","region_code":"152501","geometry":{"type":"Point","coordinates":[1e999,43]}}'
    headers = {"Idempotency-Key": "inf", "Content-Type": "application/json"}
    assert (await office.client.post(PATH, content=raw, headers=headers)).status_code == 422
    twice = await office.post(PATH, {**BODY, "entity_ids": [entity, entity]})
    assert twice.json()["errors"] == [{"pointer": "/entity_ids/1", "code": "duplicate", "detail": "重复"}]


async def test_lists_filter_page_and_keep_withdrawn_ones(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    for number in range(5):
        region = "152501" if number % 2 else "152502"
        mode = "ecological_tourism" if number < 2 else None
        await office.post(PATH, {**BODY, "name": f"区{number}（示例）", "region_code": region, "mode_code": mode})
    first = (await office.get(PATH, params={"limit": 2, "include_total": True})).json()
    assert (first["total"], len(first["items"])) == (5, 2)
    second = (await office.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    names = [item["name"] for item in first["items"] + second["items"]]
    assert names == sorted(names)
    assert "geometry" not in first["items"][0]
    gone = first["items"][0]["id"]
    await office.act(f"{PATH}/{gone}", "withdraw", REASON)
    for filters, expected in (
        ({"region_code": "152501"}, 2),
        ({"mode_code": "ecological_tourism"}, 2),
        ({"state": "withdrawn"}, 1),
        ({"state": "established"}, 4),
        ({"mode_code": "nothing"}, 0),
    ):
        assert len((await office.get(PATH, params=filters)).json()["items"]) == expected, filters
    for wrong in ({"state": "gone"}, {"nonsense": "1"}, {"cursor": first["next_cursor"], "region_code": "152501"}):
        assert (await office.get(PATH, params=wrong)).status_code == 422


async def test_a_list_asks_the_same_number_of_questions(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await office.post(PATH, BODY)
    with world.counting() as few:
        await office.get(PATH)
    for _ in range(5):
        await office.post(PATH, {**BODY, "entity_ids": [str(await world.organisation())]})
    with world.counting() as many:
        assert len((await office.get(PATH)).json()["items"]) == 6
    assert len(few) == len(many)


async def test_a_recused_officer_changes_nothing_of_the_regions(world: World) -> None:
    office, walled = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.LEAGUE_OFFICE)
    entity = await world.organisation()
    place = (await office.post(PATH, BODY)).headers["location"]
    elsewhere = await office.post(PATH, {**BODY, "region_code": "152502", "entity_ids": [str(entity)]})
    await world.wall(walled, "region:152501")
    etag = (await walled.get(place)).headers["etag"]
    assert {a["reason"] for a in (await walled.get(place)).json()["allowed_actions"]} == {"recused"}
    assert (await walled.post(PATH, BODY)).json()["code"] == "recused"
    assert (await walled.patch(place, {"nonsense": 1}, etag=etag)).json()["code"] == "recused"
    for action in ("adjust", "withdraw"):
        refused = await walled.post(f"{place}/{action}", {"nonsense": 1}, etag=etag)
        assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    assert (await walled.post(PATH, {**BODY, "region_code": "152502"})).status_code == 201
    await world.wall(walled, f"organisation:{entity}")
    assert (await walled.act(elsewhere.headers["location"], "withdraw", REASON)).json()["code"] == "recused"
    taken = await walled.post(PATH, {**BODY, "region_code": "152502", "entity_ids": [str(entity)]})
    assert taken.json()["code"] == "recused"
    assert (await office.get(place)).json()["state"] == "established"
    denied = await world.rows("SELECT 1 FROM audit_entries WHERE outcome = 'denied' AND actor_id = :id", id=walled.id)
    assert len(denied) == 6


async def test_the_database_refuses_a_recused_officer_too(world: World, app_role: asyncpg.Connection) -> None:
    office, walled = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.LEAGUE_OFFICE)
    area = (await office.post(PATH, BODY)).json()["id"]
    await world.wall(walled, "region:152501")
    async with app_role.transaction():
        await app_role.execute("SELECT gate.enter('person', $1, '{}')", walled.id)
        assert await app_role.execute("UPDATE practice_areas SET name = 'x' WHERE id = $1", area) == "UPDATE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with app_role.transaction():
                await app_role.execute(
                    "INSERT INTO practice_areas SELECT gen_random_uuid(), region_code, name, function, mode_code, "
                    "entity_ids, geometry, state, established_on, state_reason, version, created_at, updated_at "
                    "FROM practice_areas WHERE id = $1",
                    area,
                )


async def test_of_two_withdrawals_one_succeeds(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(PATH, BODY)
    place, etag = made.headers["location"], made.headers["etag"]
    answers = await asyncio.gather(*(office.post(f"{place}/withdraw", REASON, etag=etag) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]


async def test_two_who_change_it_at_once_are_told_apart(world: World) -> None:
    """Of two changes of one version the later one is 412, never a 404."""
    office = await world.person(Role.LEAGUE_OFFICE)
    body = {"region_code": "152501", "name": "示例实践区（示例）", "entity_ids": []}
    made = await office.post("/v1/practice-areas", body)
    assert made.status_code == 201, made.text
    path, etag = made.headers["location"], made.headers["etag"]
    for number in range(5):
        answers = await asyncio.gather(
            *(office.patch(path, {"name": f"示例实践区{turn}第{number}次（示例）"}, etag=etag) for turn in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 412], [a.text for a in answers]
        etag = next(answer.headers["etag"] for answer in answers if answer.status_code == 200)
