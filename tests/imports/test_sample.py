"""What the issue asks to be shown: the sample pushed, pushed again, and with three rows broken."""

from typing import Any

import pytest

from app.models.identity import Role
from tests.imports.pushing import REGIONS, Row, counts, faults, push, receipt, rows_of, timeless
from tests.world import Actor, World


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine(*REGIONS)


def broken(sample: bytes) -> list[Row]:
    """Three rows broken in different ways, the first of them in several."""
    rows = rows_of(sample)
    rows[3]["primary_mode"] = "生态魔法"
    rows[3]["funding"][0]["planned"] = "-1.00"
    rows[3]["investment_entity"]["credit_code"] = "91152501MA000004X2"
    del rows[17]["construction_content"]
    rows[40]["region_code"] = "150000"
    return rows


BROKEN: dict[int, set[tuple[str, str]]] = {
    3: {
        ("/primary_mode", "invalid_choice"),
        ("/funding/0/planned", "out_of_range"),
        ("/investment_entity/credit_code", "checksum"),
    },
    17: {("/construction_content", "required")},
    40: {("/region_code", "outside_regions")},
}


async def test_created_then_unchanged(world: World, machine: Actor, sample: bytes) -> None:
    first = await receipt(machine, sample)
    assert (first["outcome"], counts(first)) == ("succeeded", {"created": 52})
    assert [row["external_id"] for row in first["rows"]] == [row["external_id"] for row in rows_of(sample)]
    before = await state(world)
    world.api.state.database.clock.advance(minutes=5)
    again = await receipt(machine, sample)
    assert (again["outcome"], counts(again)) == ("succeeded", {"unchanged": 52})
    assert [row["id"] for row in again["rows"]] == [row["id"] for row in first["rows"]]
    assert await state(world) == before
    listed = (await machine.get("/v1/projects?limit=200&membership=proposed")).json()["items"]
    assert len(listed) == 52
    assert len(await world.rows("SELECT 1 FROM organisations WHERE credit_code IS NOT NULL")) == 52


async def test_partial_with_three_broken_rows(world: World, machine: Actor, sample: bytes) -> None:
    await receipt(machine, sample)
    before = await state(world)
    told = await receipt(machine, broken(sample))
    assert (told["outcome"], counts(told)) == ("partial", {"unchanged": 49, "rejected": 3})
    assert {row["index"]: faults(row) for row in told["rows"] if row["action"] == "rejected"} == BROKEN
    assert await state(world) == before
    rejected = (await machine.get(f"/v1/imports/{told['id']}/rows?action=rejected")).json()["items"]
    assert rejected == [told["rows"][index] for index in sorted(BROKEN)]


@pytest.mark.parametrize("twice", [False, True])
async def test_atomic_with_three_broken_rows_applies_nothing(
    world: World, machine: Actor, sample: bytes, twice: bool
) -> None:
    if twice:
        await receipt(machine, sample)
    before = await state(world)
    told = await receipt(machine, broken(sample), "?mode=atomic")
    assert (told["outcome"], counts(told)) == ("rejected", {"not_applied": 49, "rejected": 3})
    assert {row["index"]: faults(row) for row in told["rows"] if row["action"] == "rejected"} == BROKEN
    assert await state(world) == before


@pytest.mark.parametrize("mode", ["partial", "atomic"])
async def test_the_dry_run_says_the_same(world: World, machine: Actor, sample: bytes, mode: str) -> None:
    for body in (broken(sample), rows_of(sample), broken(sample)):
        before = await state(world)
        dry = await receipt(machine, body, f"?mode={mode}&dry_run=true")
        assert await state(world) == before
        assert dry["dry_run"] is True
        assert all(row["id"] is None for row in dry["rows"] if row["action"] == "created")
        real = await receipt(machine, body, f"?mode={mode}")
        assert timeless(dry) == timeless(real)


async def test_the_receipt_is_kept(world: World, machine: Actor, sample: bytes) -> None:
    told = await receipt(machine, broken(sample), **{"Accept-Language": "en"})
    shown = await machine.get(f"/v1/imports/{told['id']}", headers={"Accept-Language": "en"})
    assert (shown.status_code, shown.json()) == (200, told)
    [audit] = await world.rows("SELECT actor_id FROM audit_entries WHERE action = 'imports.push'")
    assert audit[0] == machine.id
    per_project = "SELECT count(*), count(DISTINCT resource_id) FROM {} WHERE {} = 'projects.create'"
    for table, column in (("audit_entries", "action"), ("outbox_events", "type")):
        assert [tuple(row) for row in await world.rows(per_project.format(table, column))] == [(49, 49)]
    office = await world.person(Role.LEAGUE_OFFICE)
    assert (await office.get(f"/v1/imports/{told['id']}")).status_code == 200


async def state(world: World) -> list[tuple[Any, ...]]:
    """Everything that a push may touch, as it stands."""
    tables = ("projects", "project_funding", "project_external_ids", "project_changes", "organisations")
    found: list[tuple[Any, ...]] = []
    for table in tables:
        rows = await world.rows(f"SELECT t::text FROM {table} AS t ORDER BY 1")  # noqa: S608 - constants
        found += [(table, row[0]) for row in rows]
    events = await world.rows("SELECT type, resource_id::text FROM outbox_events WHERE resource_kind <> 'import_run'")
    return [*found, *sorted(tuple(row) for row in events)]


async def test_the_machine_is_needed(world: World, sample: bytes) -> None:
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    assert (await push(approver, sample)).json()["code"] == "insufficient_scope"
