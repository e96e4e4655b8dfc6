"""The same wall without the application: SQL as the requests' role, in the name of a walled person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest

from app.models.identity import Role
from tests.reviews.scene import OTHER, REGION, SCORES, Scene, make_scene, save
from tests.world import Actor, World

JUDGED = ("panels", "draws", "assignments", "review_copies", "score_sheets")
KEYS = {"review_copies": "panel_id"}
REFUSED = (asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError)


@asynccontextmanager
async def speaking_for(connection: asyncpg.Connection, person: UUID) -> AsyncIterator[None]:
    """Alone with the person, as the most capable of requests: so that no lock refuses what the wall should."""
    async with connection.transaction():
        await connection.fetch("SELECT * FROM gate.enter_exclusive('person', $1, ARRAY[$1]::uuid[], '{}')", person)
        yield


@pytest.fixture
async def scene(world: World) -> Scene:
    """Two regions, the same members; a sheet submitted and a draft saved in each."""
    scene = await make_scene(world, pool=2)
    for region in (REGION, OTHER):
        panel = await scene.drawn(region=region, reserves=0)
        for expert, path in await scene.seats(panel):
            await scene.opened(expert, path)
            await world.renew(expert)
            assert (await save(expert, path, SCORES)).status_code == 200
        await scene.scored(*(await scene.seats(panel))[0])
    return scene


async def _regions(connection: asyncpg.Connection) -> dict[str, set[str]]:
    """The regions of which rows are seen, by table."""
    return {
        table: {row["region_code"] for row in await connection.fetch(f"SELECT region_code FROM {table}")}  # noqa: S608
        for table in JUDGED
    }


async def _write(connection: asyncpg.Connection, statement: str) -> str:
    """What the statement did: its tag, `refused`, or `met a row` (it came as far as the constraints, which see all)."""
    try:
        async with connection.transaction():
            return str(await connection.execute(statement))
    except REFUSED:
        return "refused"
    except asyncpg.IntegrityConstraintViolationError:
        return "met a row"


async def _copied(worker: asyncpg.Connection, table: str, region: str) -> str:
    """A literal of one of the table's rows there, under ids of its own, to be inserted by somebody else."""
    key = KEYS.get(table, "id")
    changed = "" if table in KEYS else f", '{key}', gen_random_uuid()"
    row = await worker.fetchval(
        f"SELECT to_jsonb(t) || jsonb_build_object('region_code', $1::text{changed}) FROM {table} AS t "  # noqa: S608
        "WHERE region_code = $1 LIMIT 1",
        region,
    )
    return str(row).replace("'", "''")


async def _attempts(connection: asyncpg.Connection, worker: asyncpg.Connection, region: str) -> dict[str, str]:
    found = {}
    for table in JUDGED:
        key = KEYS.get(table, "id")
        row = await _copied(worker, table, region)
        new = f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, '{row}')"  # noqa: S608
        statements = {
            "insert": new,
            "upsert": f"{new} ON CONFLICT ({key}) DO UPDATE SET region_code = excluded.region_code",
            "keep": f"{new} ON CONFLICT DO NOTHING",
            "update": f"UPDATE {table} SET region_code = region_code WHERE region_code = '{region}'",  # noqa: S608
            "blind update": f"UPDATE {table} SET region_code = '{region}'",  # noqa: S608
            "move": f"UPDATE {table} SET region_code = '152522' WHERE region_code = '{region}'",  # noqa: S608
            "delete": f"DELETE FROM {table} WHERE region_code = '{region}'",  # noqa: S608
            "lock": f"SELECT 1 FROM {table} WHERE region_code = '{region}' FOR UPDATE",  # noqa: S608
        }
        for name, statement in statements.items():
            found[f"{name} {table}"] = await _write(connection, statement)
    return found


def _effects(found: dict[str, str]) -> dict[str, str]:
    """What did something: rows inserted, changed, deleted or locked."""
    return {name: tag for name, tag in found.items() if tag != "refused" and not tag.endswith(" 0")}


async def _before_and_after(
    scene: Scene, app_role: asyncpg.Connection, worker: asyncpg.Connection, actor: Actor
) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    async with speaking_for(app_role, actor.id):
        before = await _regions(app_role)
    await scene.world.wall(actor, f"region:{REGION}")
    async with speaking_for(app_role, actor.id):
        return before, await _regions(app_role)


async def test_a_walled_expert(scene: Scene, app_role: asyncpg.Connection, worker: asyncpg.Connection) -> None:
    expert = scene.experts[0]
    before, after = await _before_and_after(scene, app_role, worker, expert)
    seen = {"panels", "assignments", "review_copies", "score_sheets"}
    assert before == {table: {REGION, OTHER} if table in seen else set() for table in JUDGED}
    assert after == {table: {OTHER} if table in seen else set() for table in JUDGED}
    # Without a rollback of the wall: what is tried there gives nothing, or is refused.
    async with speaking_for(app_role, expert.id):
        assert _effects(await _attempts(app_role, worker, REGION)) == {}
        # Not for want of rights as such: where the person is not walled, some of it works.
        assert "update assignments" in _effects(await _attempts(app_role, worker, OTHER))
    async with speaking_for(app_role, scene.experts[1].id):
        assert (await _regions(app_role))["assignments"] == {REGION, OTHER}


async def test_a_walled_officer(scene: Scene, app_role: asyncpg.Connection, worker: asyncpg.Connection) -> None:
    await scene.drain()
    officer = await scene.world.person(Role.LEAGUE_OFFICE)
    before, after = await _before_and_after(scene, app_role, worker, officer)
    seen = {"panels", "draws", "assignments", "review_copies"}
    assert before == {table: {REGION, OTHER} if table in seen else set() for table in JUDGED}
    assert after == {table: {OTHER} if table in seen else set() for table in JUDGED}
    async with speaking_for(app_role, officer.id):
        assert _effects(await _attempts(app_role, worker, REGION)) == {}
        assert "update panels" in _effects(await _attempts(app_role, worker, OTHER))


async def test_a_hidden_assignment_is_not_scored_by_naming_another_region(
    scene: Scene, app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    """And it answers as one that does not exist."""
    expert = scene.experts[0]
    hidden = await worker.fetchval(
        "DELETE FROM score_sheets WHERE person_id = $1 AND region_code = $2 RETURNING assignment_id", expert.id, REGION
    )
    await scene.world.wall(expert, f"region:{REGION}")
    async with speaking_for(app_role, expert.id):
        for region in (REGION, OTHER):
            for assignment in (f"'{hidden}'", "gen_random_uuid()"):
                values = f"gen_random_uuid(), {assignment}, gen_random_uuid(), '{region}', '{expert.id}'"
                statement = (
                    "INSERT INTO score_sheets (id, assignment_id, panel_id, region_code, person_id, scores, state, "  # noqa: S608
                    "salt, version, created_at, updated_at) "
                    f"VALUES ({values}, '{{}}', 'draft', gen_random_uuid(), 1, now(), now())"
                )
                assert await _write(app_role, statement) == "refused"


async def test_a_wall_that_is_raised_inside_the_transaction_counts_from_the_next_statement_on(
    scene: Scene, app_role: asyncpg.Connection
) -> None:
    expert = scene.experts[0]
    async with speaking_for(app_role, expert.id):
        assert await app_role.fetchval("SELECT count(*) FROM score_sheets WHERE region_code = $1", REGION) == 1
        await app_role.execute(
            "SELECT gate.recuse(gen_random_uuid(), $1, 'self', $2, NULL, NULL, NULL, 'kinship', '示例', now())",
            expert.id,
            REGION,
        )
        assert await _regions(app_role) == {table: set() if table == "draws" else {OTHER} for table in JUDGED}


async def test_the_person_cannot_bring_back_what_was_voided(
    scene: Scene, app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    expert = scene.experts[0]
    await worker.execute("SELECT pg_advisory_lock(gate.lock_key($1))", expert.id)
    await worker.execute("UPDATE assignments SET state = 'voided' WHERE person_id = $1", expert.id)
    await worker.execute("SELECT pg_advisory_unlock_all()")
    async with speaking_for(app_role, expert.id):
        assert await _write(app_role, "UPDATE assignments SET state = 'declared'") == "UPDATE 0"
        assert await _write(app_role, "UPDATE score_sheets SET state = 'submitted'") == "UPDATE 0"


async def test_a_reserve_is_not_told_in_sql_either(world: World, app_role: asyncpg.Connection) -> None:
    scene = await make_scene(world, pool=3)
    panel = await scene.drawn()
    ((reserve, _),) = await scene.seats(panel, reserve=True)
    async with speaking_for(app_role, reserve.id):
        assert await _regions(app_role) == {table: set() for table in JUDGED}
        assert await _write(app_role, "UPDATE assignments SET is_reserve = false") == "UPDATE 0"


async def test_the_pool_is_the_offices(scene: Scene, app_role: asyncpg.Connection) -> None:
    expert = scene.experts[0]
    async with speaking_for(app_role, expert.id):
        assert [row["person_id"] for row in await app_role.fetch("SELECT person_id FROM experts")] == [expert.id]
        assert await _write(app_role, "UPDATE experts SET active = true") == "UPDATE 0"
        assert await _write(app_role, "DELETE FROM experts") == "refused"
