"""Who sees which project, and what a recusal bars: in the service's words and in the database's (Art. 11)."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from app.models.identity import Role
from tests.projects.library import admitted, complete, done, drafted, proposed
from tests.world import Actor, World


async def seen(actor: Actor, query: str = "") -> set[str]:
    page = (await actor.get(f"/v1/projects{query}")).json()
    return {f"/v1/projects/{item['id']}" for item in page["items"]}


async def test_each_sees_what_their_grants_show(world: World) -> None:
    entity = await world.organisation(name="示例建设主体（示例）")
    field = await world.organisation(region_code="152500", kind="department", charge_modes=["ecological_agriculture"])
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    other = await world.person((Role.REGION_EDITOR, "152502"))
    office = await world.person(Role.LEAGUE_OFFICE)
    inspector = await world.person(Role.DISCIPLINE_INSPECTOR)
    department = await world.person((Role.LEAGUE_DEPARTMENT, field))
    builder = await world.person((Role.CONSTRUCTION_ENTITY, entity))
    machine = await world.machine("152501")
    expert = await world.person(Role.EXPERT)

    draft = await drafted(editor, await complete(world, organisation_id=entity))
    own = await proposed(world, editor, organisation_id=entity)
    plain = await proposed(world, editor)
    tourism = await proposed(world, editor, primary_mode="ecological_tourism", secondary_modes=[])

    everything = {draft, own, plain, tourism}
    expected: list[tuple[Actor, set[str]]] = [
        (editor, everything),
        (approver, everything),
        (other, set()),
        (office, everything - {draft}),
        (inspector, everything - {draft}),
        (department, {own, plain}),
        (builder, {own}),
        (machine, set()),
    ]
    for actor, visible in expected:
        assert await seen(actor) == visible
        for path in everything:
            for part in ("", "/history", "/decisions"):
                assert (await actor.get(path + part)).status_code == (200 if path in visible else 404)
    for route in ("/v1/projects", own, f"{own}/history", f"{own}/decisions"):
        assert (await expert.get(route)).json()["code"] == "insufficient_scope"
        assert (await editor.client.get(route, headers={"Authorization": ""})).status_code == 401
        assert (await editor.get(f"{route}?nonsense=1")).status_code == 422


@pytest.mark.parametrize("subject", ["region", "project", "organisation"])
async def test_a_recused_officer_reads_but_does_not_decide(world: World, subject: str) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    walled = await world.person(Role.LEAGUE_OFFICE)
    office = await world.person(Role.LEAGUE_OFFICE)
    path = await proposed(world, editor)
    project = (await editor.get(path)).json()
    await world.wall(
        walled,
        {
            "region": "region:152501",
            "project": f"project:{project['id']}",
            "organisation": f"organisation:{project['investment_entity']['id']}",
        }[subject],
    )
    shown = await walled.get(path)
    assert shown.status_code == 200
    assert {a["reason"] for a in shown.json()["allowed_actions"] if a["action"] in {"admit", "decline"}} == {"recused"}
    for action, body in (("admit", None), ("decline", {}), ("leave", {})):
        refused = await walled.post(f"{path}/{action}", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    assert await world.rows("SELECT 1 FROM project_decisions") == []
    denied = await world.rows("SELECT 1 FROM audit_entries WHERE outcome = 'denied' AND actor_id = :id", id=walled.id)
    assert len(denied) == 3
    await done(office, path, "admit")


async def test_a_recusal_does_not_bar_staff_of_the_region(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = await drafted(editor, await complete(world))
    await world.wall(editor, "region:152501")
    etag = (await editor.get(path)).headers["etag"]
    assert (await editor.patch(path, {"name": "改名项目（示例）"}, etag=etag)).status_code == 200
    await done(editor, path, "propose")


async def test_the_database_itself_refuses_the_recused(
    world: World, app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    walled = await world.person(Role.LEAGUE_OFFICE)
    project = UUID((await proposed(world, editor)).rsplit("/", 1)[1])
    await world.wall(walled, f"project:{project}")
    decision = (
        "INSERT INTO project_decisions (id, project_id, region_code, outcome, decided_by, decided_at) "
        "VALUES (gen_random_uuid(), $1, '152501', 'admitted', $2, now())"
    )

    async def as_walled(statement: str, *values: Any) -> str:
        async with app_role.transaction():
            await app_role.execute("SELECT gate.enter('person', $1, '{}')", walled.id)
            answer: str = await app_role.execute(statement, *values)
            return answer

    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await as_walled(decision, project, walled.id)
    assert await as_walled("UPDATE projects SET membership = 'in_library' WHERE id = $1", project) == "UPDATE 0"
    assert await worker.fetchval("SELECT membership FROM projects WHERE id = $1", project) == "proposed"
    assert await worker.fetchval("SELECT count(*) FROM project_decisions") == 0


async def test_the_client_sees_its_source_and_regions_only(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    machine = await world.machine("152501", source="示例系统-1")
    path = await admitted(world, editor, office)
    assert await seen(machine) == set()
    await world.rows("UPDATE projects SET source_system = '示例系统-1' RETURNING 1")
    assert await seen(machine) == {path}
    assert await seen(await world.machine("152502", source="示例系统-1")) == set()
    assert await seen(await world.machine("152501", source="another")) == set()
    assert (await machine.post(f"{path}/leave", {"reason": "示例"})).json()["code"] == "insufficient_scope"


async def test_two_officers_decide_once(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    first, second = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.LEAGUE_OFFICE)
    path = await proposed(world, editor)
    etag = (await first.get(path)).headers["etag"]
    answers = await asyncio.gather(
        first.post(f"{path}/admit", etag=etag), second.post(f"{path}/decline", {"reason": "示例"}, etag=etag)
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await world.rows("SELECT 1 FROM project_decisions")) == 1


async def test_two_editors_do_not_overwrite_each_other(world: World) -> None:
    editors = [await world.person((Role.REGION_EDITOR, "152501")) for _ in range(4)]
    path = await drafted(editors[0], await complete(world))
    etag = (await editors[0].get(path)).headers["etag"]
    answers = await asyncio.gather(
        *(editor.patch(path, {"name": f"第{n}名（示例）"}, etag=etag) for n, editor in enumerate(editors))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
