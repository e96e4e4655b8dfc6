"""Reading the audit: auditors all that they are not recused from, everybody the own acts, nobody else anything."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from httpx import AsyncClient
from sqlalchemy import insert

from app.models.identity import Role
from app.models.machinery import AuditEntry
from tests.ground import FrozenClock
from tests.world import Actor, World

PATH = "/v1/audit-entries"
MINE = "/v1/me/acts"


async def entries(actor: Actor, path: str = PATH, **filters: Any) -> list[dict[str, Any]]:
    shown = await actor.get(path, params={"limit": 200, **filters})
    assert shown.status_code == 200, shown.text
    items: list[dict[str, Any]] = shown.json()["items"]
    return items


async def about(world: World, **subjects: Any) -> UUID:
    """An entry of somebody else's about a region, an organisation or a project."""
    made = uuid4()
    async with world.admin.administration() as session:
        await session.execute(
            insert(AuditEntry).values(
                id=made,
                occurred_at=world.admin.clock.now(),
                request_id="r",
                actor_kind="person",
                actor_id=uuid4(),
                action="plans.submit",
                outcome="done",
                changes={},
                **subjects,
            )
        )
    return made


async def test_an_act_is_found_by_each_of_its_sides(world: World) -> None:
    auditor, office = await world.person(Role.AUDITOR), await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(
        "/v1/organisations",
        {"name": "示例合作社（示例）", "kind": "cooperative", "no_code_reason": "示例", "region_code": "152501"},
    )
    assert (await office.get("/v1/audit-entries")).status_code == 403
    for filters in (
        {"actor_id": str(office.id), "outcome": "done"},
        {"resource_id": made.json()["id"]},
        {"action": "organisations.create"},
    ):
        [entry] = await entries(auditor, **filters)
        assert entry["action"] == "organisations.create"
        assert (entry["actor_kind"], entry["actor_id"]) == ("person", str(office.id))
        assert (entry["resource_kind"], entry["resource_id"]) == ("organisation", made.json()["id"])
        assert entry["region_code"] == "152501"
        assert entry["request_id"] == made.headers["x-request-id"]
        assert entry["changes"]["name"] == "示例合作社（示例）"
    [denied] = await entries(auditor, outcome="denied")
    assert (denied["action"], denied["reason"]) == ("GET /v1/audit-entries", "scope_missing")
    assert await entries(auditor, action="nothing.such") == []


async def test_times_bound_half_open_and_newest_come_first(world: World, clock: FrozenClock) -> None:
    auditor = await world.person(Role.AUDITOR)
    clock.time = datetime(2026, 3, 2, 1, 5, tzinfo=UTC)
    await about(world)
    clock.time = datetime(2026, 3, 2, 1, 10, tzinfo=UTC)
    await about(world)
    times = [entry["occurred_at"] for entry in await entries(auditor)]
    assert times == sorted(times, reverse=True)
    assert times[:2] == ["2026-03-02T01:10:00Z", "2026-03-02T01:05:00Z"]
    since = {"since": "2026-03-02T09:05:00+08:00"}
    assert [e["occurred_at"] for e in await entries(auditor, **since)] == times[:2]
    until = {"until": "2026-03-02T01:10:00Z"}
    assert [e["occurred_at"] for e in await entries(auditor, **since, **until)] == times[1:2]


async def test_pages_give_every_entry_once(world: World) -> None:
    auditor = await world.person(Role.AUDITOR)
    made = {str(await about(world)) for _ in range(7)}
    seen, cursor = [], None
    while True:
        params = {"limit": 3, "action": "plans.submit", **({"cursor": cursor} if cursor else {})}
        page = (await auditor.get(PATH, params=params)).json()
        seen += [entry["id"] for entry in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == 7
    assert set(seen) == made


@pytest.mark.parametrize("subject", ["region", "organisation", "project"])
async def test_a_recused_auditor_sees_no_entry_about_it_but_own_acts(world: World, subject: str) -> None:
    auditor, walled = await world.person(Role.AUDITOR), await world.person(Role.AUDITOR)
    organisation, project = uuid4(), uuid4()
    keys: dict[str, Any] = {"region": "152501", "organisation": organisation, "project": project}
    whole = await about(world, region_code="152501", organisation_id=organisation, project_id=project)
    neighbour = await about(world, region_code="152502", organisation_id=uuid4(), project_id=uuid4())
    silent = await about(world)
    await world.wall(walled, f"{subject}:{keys[subject]}")
    made = {str(whole), str(neighbour), str(silent)}
    seen = {entry["id"] for entry in await entries(auditor, action="plans.submit")}
    left = {entry["id"] for entry in await entries(walled, action="plans.submit")}
    assert seen == made
    assert left == made - {str(whole)}
    total = (await walled.get(PATH, params={"action": "plans.submit", "include_total": True})).json()["total"]
    assert total == 2
    async with world.admin.administration() as session:
        await session.execute(
            insert(AuditEntry).values(
                id=uuid4(),
                occurred_at=world.admin.clock.now(),
                request_id="r",
                actor_kind="person",
                actor_id=walled.id,
                action="own.act",
                outcome="done",
                changes={},
                region_code="152501",
            )
        )
    assert len(await entries(walled, action="own.act")) == 1
    assert len(await entries(walled, MINE, action="own.act")) == 1


async def test_everybody_reads_the_own_acts_and_no_others(world: World) -> None:
    office, other = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.LEAGUE_OFFICE)
    machine = await world.machine("152501")
    body = {"kind": "plan", "title": "报送2026年度计划", "year": 2026, "due_on": "2026-03-31"}
    await office.post("/v1/reporting-tasks", body)
    await office.get(PATH)
    await machine.get(PATH)
    assert {(e["action"], e["outcome"]) for e in await entries(office, MINE)} == {
        ("reporting_tasks.issue", "done"),
        ("GET /v1/audit-entries", "denied"),
    }
    assert [e["outcome"] for e in await entries(office, MINE, outcome="denied")] == ["denied"]
    assert await entries(other, MINE) == []
    [refused] = await entries(machine, MINE)
    assert (refused["actor_kind"], refused["actor_id"]) == ("client", str(machine.id))


async def test_refusals(world: World, http: AsyncClient) -> None:
    auditor = await world.person(Role.AUDITOR)
    for path in (PATH, MINE):
        assert (await http.get(path)).status_code == 401
    for outsider in (
        await world.person(Role.LEAGUE_OFFICE),
        await world.person(Role.SECURITY_ADMIN),
        await world.person(Role.SYSTEM_ADMIN),
        await world.person(Role.AUDITOR, scopes=frozenset({"people:read"})),
        await world.machine("152501"),
    ):
        assert (await outsider.get(PATH)).json()["code"] == "insufficient_scope"
    for wrong, code in (
        ({"actor_id": "x"}, "invalid_format"),
        ({"outcome": "fine"}, "invalid_choice"),
        ({"since": "2026-03-02"}, "invalid_format"),
        ({"since": "1772413200"}, "invalid_format"),
        ({"since": "2026-03-02T01:00:00"}, "invalid_format"),
        ({"since": "2026-02-30T01:00:00Z"}, None),
        ({"until": "0001-01-01T00:00:00+14:00"}, "invalid_format"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "invalid_format"),
        ({"since": "1e400"}, None),
        ({"action": "x" * 201}, "too_long"),
        ({"action": "\x00"}, "invalid_format"),
        ({"nonsense": "1"}, "unknown_parameter"),
        ({"limit": "201"}, "out_of_range"),
        ({"cursor": "x"}, "invalid_cursor"),
    ):
        refused = await auditor.get(PATH, params=wrong)
        assert refused.status_code == 422, (wrong, refused.text)
        if code is not None:
            assert refused.json()["errors"][0]["code"] == code, wrong
    assert (await auditor.get(MINE, params={"actor_id": str(uuid4())})).status_code == 422


async def test_a_cursor_is_its_viewers_own(world: World) -> None:
    auditor, other = await world.person(Role.AUDITOR), await world.person(Role.AUDITOR)
    cursor = (await auditor.get(PATH, params={"limit": 1})).json()["next_cursor"]
    assert (await other.get(PATH, params={"limit": 1, "cursor": cursor})).status_code == 422
    assert (await auditor.get(PATH, params={"limit": 1, "cursor": cursor, "outcome": "done"})).status_code == 422


async def test_entries_cannot_be_changed_or_deleted(world: World, app_role: asyncpg.Connection) -> None:
    auditor = await world.person(Role.AUDITOR)
    await about(world)
    for statement in ("UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"):
        transaction = app_role.transaction()
        await transaction.start()
        await app_role.execute("SELECT gate.enter('person', $1, '{}')", auditor.id)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app_role.execute(statement)
        await transaction.rollback()
