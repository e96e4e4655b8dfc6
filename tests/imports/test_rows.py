"""What a row may do: names folded, strategies, regions, stages, entities, members that are missing."""

from typing import Any

import asyncpg
import pytest

from app.models.identity import Role
from tests.imports.pushing import REGIONS, Row, counts, faults, receipt, rows_of
from tests.world import Actor, World


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine("152501", "152502")


@pytest.fixture
def row(sample: bytes) -> Row:
    return rows_of(sample)[1]


async def shown(machine: Actor, project_id: str) -> dict[str, Any]:
    answer = await machine.get(f"/v1/projects/{project_id}")
    assert answer.status_code == 200
    project: dict[str, Any] = answer.json()
    return project


async def only(machine: Actor, row: Row, query: str = "") -> dict[str, Any]:
    told: dict[str, Any] = (await receipt(machine, [row], query))["rows"][0]
    return told


async def test_a_row_becomes_a_proposed_project(world: World, machine: Actor, row: Row) -> None:
    made = await only(machine, row)
    project = await shown(machine, made["id"])
    assert (project["membership"], project["building_stage"]) == ("proposed", "construction")
    assert project["primary_mode"] == "ecological_agriculture"
    assert project["source_system"] == "province-projects"
    assert project["external_ids"] == [{"source_system": "province-projects", "external_id": row["external_id"]}]
    assert project["investment_entity"]["credit_code"] == row["investment_entity"]["credit_code"]
    assert project["location"] == row["location"]
    assert project["missing_facts"] == []
    assert {line["source"]: line["planned"] for line in project["funding"]} == {
        line["source"]: line["planned"] for line in row["funding"]
    }
    history = (await machine.get(f"/v1/projects/{made['id']}/history")).json()["items"]
    assert [change["action"] for change in history] == ["reported", "create"]
    assert {change["actor_kind"] for change in history} == {"client"}
    assert history[0]["changes"] == {"building_stage": {"before": None, "after": "construction"}}


@pytest.mark.parametrize(
    "name",
    [
        "ecology_plus",
        "“生态+”复合产业",
        '"生态+"复合产业',
        "＂生态＋＂复合产业",
        "「生态＋」 复合产业",
        "生态+复合产业",
        "ＥＣＯＬＯＧＹ＿ＰＬＵＳ",
    ],
)
async def test_names_are_folded(machine: Actor, row: Row, name: str) -> None:
    made = await only(
        machine,
        {
            **row,
            "primary_mode": name,
            "secondary_modes": ["生态 旅游"],
            "building_stage": "停缓建",
            "funding": [{"source": "自筹", "planned": "1", "done": "0"}],
        },
    )
    project = await shown(machine, made["id"])
    assert (project["primary_mode"], project["secondary_modes"]) == ("ecology_plus", ["ecological_tourism"])
    assert (project["building_stage"], project["funding"][0]["source"]) == ("suspended", "own_funds")
    assert (
        await only(
            machine,
            {
                **row,
                "primary_mode": "ecology_plus",
                "secondary_modes": ["生态旅游"],
                "building_stage": "suspended",
                "funding": [{"source": "own_funds", "planned": "1.00", "done": "0.00"}],
            },
        )
    )["action"] == "unchanged"


async def test_an_update_names_what_changed_and_keeps_the_rest(machine: Actor, row: Row) -> None:
    made = await only(machine, {**row, "axis": "ecology_to_industry", "secondary_modes": ["生态旅游", "生态市场"]})
    row = {**row, "secondary_modes": ["生态市场", "生态旅游"]}
    assert (await only(machine, row))["action"] == "unchanged"
    del row["funding"], row["location"], row["starts_on"], row["secondary_modes"]
    told = await only(machine, {**row, "name": "改名项目（示例）", "expected_benefits": {"jobs": 166}, "ends_on": None})
    assert (told["action"], told["changes"]) == ("updated", ["ends_on", "expected_benefits", "name"])
    project = await shown(machine, made["id"])
    assert (project["axis"], project["version"], len(project["funding"])) == ("ecology_to_industry", 2, 2)
    assert project["location"] is not None
    assert project["expected_benefits"] == {**row["expected_benefits"], "jobs": 166, "restored_area_mu": "0.00"}
    [latest, *_] = (await machine.get(f"/v1/projects/{made['id']}/history")).json()["items"]
    assert (latest["action"], latest["version"]) == ("update", 2)
    assert set(latest["changes"]) == set(told["changes"])
    told = await only(machine, {**row, "name": "改名项目（示例）", "ends_on": "2020-01-01"})
    assert faults(told) == {("/ends_on", "dates_out_of_order")}


async def test_strategies(machine: Actor, row: Row) -> None:
    assert faults(await only(machine, row, "?strategy=update")) == {("/external_id", "not_found")}
    assert (await only(machine, row, "?strategy=create"))["action"] == "created"
    assert faults(await only(machine, row, "?strategy=create")) == {("/external_id", "exists")}
    assert (await only(machine, {**row, "name": "改名（示例）"}, "?strategy=update"))["action"] == "updated"


async def test_a_key_stands_once_in_a_push(world: World, machine: Actor, row: Row) -> None:
    told = await receipt(machine, [row, {**row, "name": "又一次（示例）"}, {"external_id": f" {row['external_id']} "}])
    assert [one["action"] for one in told["rows"]] == ["created", "rejected", "rejected"]
    assert faults(told["rows"][1]) == {("/external_id", "duplicate")}
    assert ("/external_id", "duplicate") in faults(told["rows"][2])
    assert len(await world.rows("SELECT 1 FROM projects")) == 1


async def test_a_project_stays_in_its_region(machine: Actor, row: Row) -> None:
    await only(machine, row)
    assert faults(await only(machine, {**row, "region_code": "152502"})) == {("/region_code", "fixed")}
    assert faults(await only(machine, {**row, "region_code": "152522"})) == {("/region_code", "outside_regions")}


async def test_a_hidden_project_is_a_conflict_that_names_nothing(world: World, machine: Actor, row: Row) -> None:
    other = await world.machine("152522")
    await only(other, {**row, "region_code": "152522"})
    before = await world.rows("SELECT id, version FROM projects")
    fresh = {**row, "external_id": "fresh", "investment_entity": {"name": "新单位（示例）", "kind": "enterprise"}}
    told = await receipt(machine, [row, fresh, {**row, "external_id": "third"}])
    assert [one["action"] for one in told["rows"]] == ["rejected", "created", "created"]
    assert told["rows"][0]["errors"] == [{"pointer": "/external_id", "code": "conflict", "detail": "与现有数据冲突"}]
    assert told["rows"][0]["id"] is None
    assert {tuple(one) for one in before} < {tuple(one) for one in await world.rows("SELECT id, version FROM projects")}
    assert len(await world.rows("SELECT 1 FROM projects")) == 3
    dry = await receipt(machine, [row, {**fresh, "external_id": "fourth"}], "?dry_run=true")
    assert counts(dry) == {"created": 1, "rejected": 1}
    atomic = await receipt(machine, [row, {**fresh, "external_id": "fourth"}], "?mode=atomic")
    assert counts(atomic) == {"not_applied": 1, "rejected": 1}
    assert len(await world.rows("SELECT 1 FROM projects")) == 3


async def test_the_same_key_of_another_source_is_another_project(world: World, machine: Actor, row: Row) -> None:
    first = await only(machine, row)
    second = await only(await world.machine("152501", source="other-system"), row)
    assert second["action"] == "created"
    assert second["id"] != first["id"]


async def test_the_stage_is_reported_and_steps_back_say_why(machine: Actor, row: Row) -> None:
    made = await only(machine, row)
    for stage, reason, expected in (
        ("竣工", None, "updated"),
        ("在建", None, "rejected"),
        ("在建", "验收未通过，返工", "updated"),
        ("停缓建", None, "rejected"),
        ("停缓建", "资金未到位", "updated"),
        ("停缓建", None, "unchanged"),
        ("储备", None, "updated"),
    ):
        told = await only(machine, {**row, "building_stage": stage, "stage_reason": reason})
        assert told["action"] == expected
        if expected == "rejected":
            assert faults(told) == {("/stage_reason", "required")}
        else:
            assert told["changes"] == (["building_stage"] if expected == "updated" else [])
    history = (await machine.get(f"/v1/projects/{made['id']}/history")).json()["items"]
    assert [(change["action"], change["reason"]) for change in history] == [
        ("reported", None),
        ("reported", "资金未到位"),
        ("reported", "验收未通过，返工"),
        ("reported", None),
        ("reported", None),
        ("create", None),
    ]


async def test_a_push_moves_no_membership(world: World, machine: Actor, row: Row) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    path = f"/v1/projects/{(await only(machine, row))['id']}"
    for number, (actor, action, body, membership) in enumerate(
        (
            (office, "decline", {"reason": "示例"}, "declined"),
            (editor, "propose", None, "proposed"),
            (office, "admit", None, "in_library"),
            (editor, "leave", {"reason": "示例"}, "left"),
        )
    ):
        assert (await actor.act(path, action, body)).status_code == 200
        told = await only(machine, {**row, "name": f"第{number}次（示例）"})
        # What a member says is changed by the office only.
        done = "proposed" if membership == "in_library" else "updated"
        assert (told["action"], told["changes"]) == (done, ["name"])
        assert (await shown(machine, path.rsplit("/", 1)[1]))["membership"] == membership


async def test_members_that_a_full_push_omits_leave(world: World, sample: bytes) -> None:
    machine = await world.machine(*REGIONS)
    partial = await world.machine("152501")
    office = await world.person(Role.LEAGUE_OFFICE)
    rows = rows_of(sample)[:8]
    told = await receipt(machine, rows)
    for one in told["rows"][:6]:
        assert (await office.act(f"/v1/projects/{one['id']}", "admit")).status_code == 200

    async def members() -> int:
        return len(await world.rows("SELECT 1 FROM projects WHERE membership = 'in_library'"))

    broken = [{**rows[0], "building_stage": "拆除"}]
    assert (await receipt(machine, broken, "?on_missing=leave"))["left_library"] == 0
    assert await members() == 6
    dry = await receipt(partial, rows[:2], "?on_missing=leave&dry_run=true")
    assert (dry["left_library"], await members()) == (2, 6)
    real = await receipt(partial, rows[:2], "?on_missing=leave")
    assert (real["left_library"], counts(real), await members()) == (2, {"unchanged": 2}, 4)
    gone = await world.rows(
        "SELECT p.version, c.action, c.reason, c.version FROM projects p JOIN project_changes c ON c.project_id = p.id "
        "AND c.action = 'leave' WHERE p.membership = 'left'"
    )
    assert [tuple(one) for one in gone] == [(3, "leave", "全量报送中未再出现 / absent from a full push", 3)] * 2
    assert len(await world.rows("SELECT 1 FROM outbox_events WHERE type = 'projects.leave'")) == 2
    assert (await receipt(machine, rows[:2]))["left_library"] == 0


@pytest.mark.parametrize("coded_first", [True, False])
async def test_entities_are_matched_once(world: World, machine: Actor, row: Row, coded_first: bool) -> None:
    code = row["investment_entity"]["credit_code"]
    known = await world.organisation("已登记单位（示例）")
    coded = {"name": "同名单位（示例）", "kind": "enterprise", "credit_code": f" {code.lower()} "}
    bare = {"name": "同名单位（示例）", "kind": "cooperative"}
    entities = [coded, bare] if coded_first else [bare, coded]
    entities += [bare, {**coded, "name": "改名单位（示例）"}, {"name": "已登记单位（示例）", "kind": "enterprise"}]
    body = [{**row, "external_id": f"e-{n}", "investment_entity": entity} for n, entity in enumerate(entities)]
    told = await receipt(machine, body)
    assert counts(told) == {"created": 5}
    bodies = await world.rows(
        "SELECT organisation_id, external_id FROM projects AS p JOIN project_external_ids AS e ON e.project_id = p.id "
        "ORDER BY 2"
    )
    assert len({found[0] for found in bodies[:4]}) == 1
    assert bodies[4][0] == known
    made = await world.rows(
        "SELECT name, kind, credit_code, no_code_reason FROM organisations WHERE credit_code = :c", c=code
    )
    assert [tuple(one)[1:] for one in made] == [("enterprise", code, None)]
    assert counts(await receipt(machine, body)) == {"unchanged": 5}
    assert len(await world.rows("SELECT 1 FROM audit_entries WHERE action = 'organisations.create'")) == 1


async def test_a_name_borne_by_several_needs_a_code(world: World, machine: Actor, row: Row) -> None:
    for _ in range(2):
        await world.organisation("同名单位（示例）")
    bare = {"name": "同名单位（示例）", "kind": "enterprise"}
    told = await receipt(machine, [{**row, "investment_entity": bare}, {**row, "external_id": "other"}])
    assert [one["action"] for one in told["rows"]] == ["rejected", "created"]
    assert faults(told["rows"][0]) == {("/investment_entity/credit_code", "ambiguous")}
    code = {**bare, "credit_code": "93152525MA0ABCDE66"}
    assert (await only(machine, {**row, "investment_entity": code}))["action"] == "created"


async def test_receipts_are_the_pushers_own(world: World, machine: Actor, row: Row) -> None:
    told = await receipt(machine, [row])
    path = f"/v1/imports/{told['id']}"
    office = await world.person(Role.LEAGUE_OFFICE)
    for stranger, status in (
        (await world.machine("152501"), 404),
        (await world.person((Role.REGION_EDITOR, "152501")), 404),
        (await world.person((Role.REGION_APPROVER, "152501")), 403),
        (office, 200),
    ):
        for part in ("", "/rows"):
            assert (await stranger.get(path + part)).status_code == status
    bare = {"Authorization": ""}
    for part in ("", "/rows"):
        assert (await machine.client.get(path + part, headers=bare)).status_code == 401
    assert (await machine.get(f"{path}/rows?action=lost")).status_code == 422
    assert (await machine.get(f"{path}?nonsense=1")).status_code == 422
    assert (await machine.get("/v1/imports/projects")).status_code == 404


async def test_receipts_are_immutable(machine: Actor, row: Row, app_role: asyncpg.Connection) -> None:
    await receipt(machine, [row])
    async with app_role.transaction():
        await app_role.execute("SELECT gate.enter('client', $1, '{}')", machine.id)
        # Only of a run that is queued anything may still change.
        assert await app_role.execute("UPDATE import_runs SET total = total") == "UPDATE 0"
    for statement in (
        "DELETE FROM import_runs",
        "UPDATE import_rows SET changes = changes",
        "DELETE FROM import_rows",
        "UPDATE import_bodies SET number = number",
        "DELETE FROM import_bodies",
    ):
        async with app_role.transaction():
            await app_role.execute("SELECT gate.enter('client', $1, '{}')", machine.id)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with app_role.transaction():
                    await app_role.execute(statement)
