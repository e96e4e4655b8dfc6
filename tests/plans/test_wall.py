"""A recused officer reads the plan and handles nothing of it; the database says so too (回避, Art. 11)."""

from uuid import UUID, uuid4

import asyncpg
import pytest

from app.models.identity import Role
from tests.plans.scene import OTHER, REGION, REMARKS, SIGNATURE, Scene, done, etag_of, make_scene
from tests.world import World


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def stored(scene: Scene) -> list[tuple[object, ...]]:
    rows = await scene.world.rows(
        "SELECT p::text FROM plans AS p UNION ALL SELECT f::text FROM plan_filings AS f"
        " UNION ALL SELECT s::text FROM plan_filing_series AS s ORDER BY 1"
    )
    return [tuple(row) for row in rows]


async def test_a_recused_officer_reads_and_does_not_handle(scene: Scene) -> None:
    path = await scene.submitted()
    walled = await scene.world.person(Role.LEAGUE_OFFICE)
    await scene.world.wall(walled, f"region:{REGION}")
    before = await stored(scene)
    shown = await walled.get(path)
    assert (shown.status_code, shown.json()["content_source"]) == (200, "version")
    reasons = {action["action"]: action["reason"] for action in shown.json()["allowed_actions"]}
    assert (reasons["file"], reasons["return"]) == ("recused", "recused")
    for action, body in (("file", None), ("return", REMARKS)):
        refused = await walled.act(path, action, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "recused")
        # Before state, precondition and payload.
        assert (await walled.post(f"{path}/{action}", body)).json()["code"] == "recused"
    denied = await scene.world.rows(
        "SELECT action, reason FROM audit_entries WHERE outcome = 'denied' AND actor_id = :id", id=walled.id
    )
    assert sorted(map(tuple, denied)) == sorted(
        (f"POST /v1/plans/{{plan_id}}/{action}", "recused") for action in ("file", "file", "return", "return")
    )
    assert await stored(scene) == before
    await done(scene.office, path, "file")
    after = await walled.act(path, "file")
    assert after.json()["code"] == "recused"


async def test_other_regions_are_not_touched_by_the_wall(scene: Scene) -> None:
    editor = await scene.world.person((Role.REGION_EDITOR, OTHER))
    approver = await scene.world.person((Role.REGION_APPROVER, OTHER))
    there = await scene.plan(region=OTHER, editor=editor)
    await done(editor, there, "submit")
    await done(approver, there, "sign", SIGNATURE)
    walled = await scene.world.person(Role.LEAGUE_OFFICE)
    await scene.world.wall(walled, f"region:{REGION}")
    assert (await done(walled, there, "file"))["filing"]["filing_number"] == "两山备〔2026〕1号"


@pytest.mark.parametrize("outcome", ["filed", "returned"])
async def test_the_database_refuses_a_recused_officer(scene: Scene, app_role: asyncpg.Connection, outcome: str) -> None:
    path = await scene.submitted()
    plan = UUID(path.rsplit("/", 1)[1])
    walled = await scene.world.person(Role.LEAGUE_OFFICE)
    await scene.world.wall(walled, f"region:{REGION}")
    insert = (
        "INSERT INTO plan_filings (id, plan_id, region_code, version_number, outcome, filing_number, decided_by,"
        " decided_at, remarks) VALUES ($1, $2, $3, 1, $4, $5, $6, now(), '[]')"
    )
    values = (plan, REGION, outcome, "两山备〔2026〕99号" if outcome == "filed" else None)
    entered = app_role.transaction()
    await entered.start()
    await app_role.execute("SELECT gate.enter('person', $1, '{}')", walled.id)
    assert await app_role.fetchval("SELECT count(*) FROM plans") == 1
    assert await app_role.execute("UPDATE plans SET state = 'filed', version = version + 1") == "UPDATE 0"
    assert await app_role.fetch("SELECT id FROM plans FOR UPDATE") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError) as refused:
        await app_role.execute(insert, uuid4(), *values, walled.id)
    assert refused.value.sqlstate == "42501"
    await entered.rollback()
    # Not vacuous: the same statements of an officer who is not recused.
    entered = app_role.transaction()
    await entered.start()
    await app_role.execute("SELECT gate.enter('person', $1, '{}')", scene.office.id)
    assert await app_role.execute(insert, uuid4(), *values, scene.office.id) == "INSERT 0 1"
    assert await app_role.execute("UPDATE plans SET state = 'filed', version = version + 1") == "UPDATE 1"
    await entered.rollback()


async def test_a_filing_cannot_name_another_region(scene: Scene, app_role: asyncpg.Connection) -> None:
    """The children repeat the subject under a composite key: a wall is not passed by filing under another region."""
    path = await scene.submitted()
    walled = await scene.world.person(Role.LEAGUE_OFFICE)
    await scene.world.wall(walled, f"region:{REGION}")
    entered = app_role.transaction()
    await entered.start()
    await app_role.execute("SELECT gate.enter('person', $1, '{}')", walled.id)
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await app_role.execute(
            "INSERT INTO plan_filings (id, plan_id, region_code, version_number, outcome, decided_by, decided_at,"
            " remarks) VALUES ($1, $2, $3, 1, 'returned', $4, now(), '[]')",
            uuid4(),
            UUID(path.rsplit("/", 1)[1]),
            OTHER,
            walled.id,
        )
    await entered.rollback()


async def test_staff_of_the_own_region_do_what_any_applicant_may(scene: Scene) -> None:
    """An officer who is also the region's editor prepares its plan, and handles none of it."""
    posted = await scene.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    await scene.world.wall(posted, f"region:{REGION}")
    path = await scene.plan(editor=posted)
    edited = await posted.patch(path, {"overview": "（示例）"}, etag=await etag_of(posted, path))
    assert edited.status_code == 200
    assert (await done(posted, path, "submit"))["state"] == "awaiting_signature"
    await done(scene.approver, path, "sign", SIGNATURE)
    refused = await posted.act(path, "file")
    assert (refused.status_code, refused.json()["reason"]) == (403, "outside_grant")
    await done(scene.office, path, "file")
    assert (await done(posted, path, "amend", {"reason": "调整（示例）"}))["state"] == "amending"


async def test_a_recusal_during_the_office_s_work_stops_the_next_act(scene: Scene) -> None:
    path = await scene.submitted()
    etag = await etag_of(scene.office, path)
    await scene.world.wall(scene.office, f"region:{REGION}")
    refused = await scene.office.post(f"{path}/file", etag=etag)
    assert refused.json()["code"] == "recused"
    assert (await scene.editor.get(path)).json()["state"] == "submitted"
