"""A walled person and a judgement table: its rows are not there, and writing meets nothing that tells of them."""

from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import insert, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.db import Database, Entry
from app.models.identity import Role
from app.models.plans import PlanFiling
from tests.wall import judgement
from tests.wall.judgement import FILES, SHEETS
from tests.wall.rows import fill
from tests.world import Actor, World

HERE, THERE = "152501", "152525"


@pytest.fixture
async def files(owner: asyncpg.Connection, worker: asyncpg.Connection) -> dict[str, UUID]:
    """Files of two regions, one about an organisation, one about a project, one about neither; a sheet each."""
    await judgement.create(owner)
    organisation, project = uuid4(), uuid4()
    rows = {
        "plain": (HERE, None, None),
        "there": (THERE, None, None),
        "organisation": (HERE, organisation, None),
        "project": (THERE, None, project),
    }
    ids = {name: uuid4() for name in rows}
    for name, row in rows.items():
        await worker.execute("INSERT INTO probe_files VALUES ($1, $2, $3, $4, $5, 1)", ids[name], *row, name)
        await worker.execute("INSERT INTO probe_sheets VALUES ($1, $2, $3)", uuid4(), ids[name], row[0])
    return {**ids, "the_organisation": organisation, "the_project": project}


@pytest.fixture
def database(world: World) -> Database:
    found: Database = world.api.state.database
    return found


async def _names(session: AsyncSession) -> set[str]:
    return set(await session.scalars(text("SELECT name FROM probe_files")))


async def _seen(database: Database, actor: Actor) -> set[str]:
    async with database.transaction(Entry(actor.kind, actor.id)) as session:  # type: ignore[arg-type]
        return await _names(session)


async def test_a_wall_hides_its_subject_and_nothing_else(
    world: World, database: Database, files: dict[str, UUID]
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    other = await world.person(Role.LEAGUE_OFFICE)
    everything = {"plain", "there", "organisation", "project"}
    assert await _seen(database, office) == everything
    await world.wall(office, f"project:{files['the_project']}")
    assert await _seen(database, office) == everything - {"project"}
    await world.wall(office, f"organisation:{files['the_organisation']}")
    assert await _seen(database, office) == {"plain", "there"}
    await world.wall(office, f"region:{THERE}")
    assert await _seen(database, office) == {"plain"}
    await world.wall(office, f"region:{HERE}")
    assert await _seen(database, office) == set()
    assert await _seen(database, other) == everything


async def test_children_are_hidden_with_their_parent(world: World, database: Database, files: dict[str, UUID]) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(office, f"region:{HERE}")
    async with database.transaction(Entry("person", office.id)) as session:
        assert await session.scalar(text("SELECT count(*) FROM probe_sheets")) == 2
        assert await session.scalar(text("SELECT count(*) FROM probe_sheets WHERE region_code = '152501'")) == 0


async def test_an_aggregate_counts_only_what_is_seen(world: World, database: Database, files: dict[str, UUID]) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(office, f"region:{HERE}")
    async with database.transaction(Entry("person", office.id)) as session:
        assert (await session.execute(text("SELECT count(*), sum(score) FROM probe_files"))).one() == (2, 2)
        assert not await session.scalar(text("SELECT EXISTS (SELECT FROM probe_files WHERE name = 'plain')"))


async def test_writing_to_hidden_rows_touches_none(
    world: World, database: Database, files: dict[str, UUID], worker: asyncpg.Connection
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(office, f"region:{HERE}")
    async with database.transaction(Entry("person", office.id)) as session:
        for statement in (
            "UPDATE probe_files SET score = 9 WHERE region_code = '152501'",
            "UPDATE probe_files SET score = 9 WHERE name = 'plain'",
            "DELETE FROM probe_sheets WHERE region_code = '152501'",
            "SELECT 1 FROM probe_files WHERE name = 'plain' FOR UPDATE",
        ):
            result = await session.execute(text(statement))
            assert result.rowcount == 0, statement  # type: ignore[attr-defined]
    assert await worker.fetchval("SELECT count(*) FROM probe_files WHERE score = 9") == 0
    assert await worker.fetchval("SELECT count(*) FROM probe_sheets") == 4


async def test_a_row_cannot_be_made_or_moved_behind_the_wall(
    world: World, database: Database, files: dict[str, UUID], worker: asyncpg.Connection
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(office, f"region:{HERE}")
    statements = (
        insert(FILES).values(id=uuid4(), region_code=HERE, name="new"),
        update(FILES).values(region_code=HERE).where(FILES.c.name == "project"),
        # Named under another region the parent is not found: the composite key binds the child to its subject.
        insert(SHEETS).values(id=uuid4(), file_id=files["plain"], region_code=HERE),
    )
    for statement in statements:
        with pytest.raises(e.Forbidden):
            async with database.transaction(Entry("person", office.id)) as session:
                await session.execute(statement)
    for hidden in (files["plain"], uuid4()):
        with pytest.raises(e.Invalid) as refused:
            async with database.transaction(Entry("person", office.id)) as session:
                await session.execute(insert(SHEETS).values(id=uuid4(), file_id=hidden, region_code=THERE))
        assert [item.code for item in refused.value.errors] == ["unknown_reference"]
    assert await worker.fetchval("SELECT count(*) FROM probe_files WHERE region_code = '152501'") == 2


async def test_a_conflict_with_a_hidden_row_is_the_generic_one(
    world: World, database: Database, files: dict[str, UUID], worker: asyncpg.Connection
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(office, f"region:{HERE}")
    values = {"id": uuid4(), "region_code": THERE, "name": "plain", "score": 9}
    statement = upsert(FILES).values(values)
    refusals = []
    for attempt in (
        insert(FILES).values(values),
        statement.on_conflict_do_update(index_elements=["name"], set_={"score": 9}),
    ):
        with pytest.raises(e.Conflict) as refused:
            async with database.transaction(Entry("person", office.id)) as session:
                await session.execute(attempt)
        refusals.append((refused.value.reason, refused.value.errors))
    assert refusals == [(None, ())] * 2
    assert await worker.fetchval("SELECT score FROM probe_files WHERE name = 'plain'") == 1


async def test_only_people_are_let_in_at_all(world: World, database: Database, files: dict[str, UUID]) -> None:
    """Public and clients have no judgement table, whatever their regions."""
    machine = await world.machine(HERE, THERE)
    assert await _seen(database, machine) == set()
    async with database.transaction(Entry("public")) as session:
        assert await _names(session) == set()
    editor = await world.person((Role.REGION_EDITOR, HERE))
    assert await _seen(database, editor) == set()


async def test_the_wall_falls_within_the_transaction(
    world: World, database: Database, files: dict[str, UUID], worker: asyncpg.Connection
) -> None:
    """STABLE, never cached: what stands in `walls` counts from the next statement on."""
    office = await world.person(Role.LEAGUE_OFFICE)
    async with database.transaction(Entry("person", office.id)) as session:
        assert await _names(session) == {"plain", "there", "organisation", "project"}
        await worker.execute("INSERT INTO walls VALUES ($1, $2, now())", office.id, f"region:{HERE}")
        assert await _names(session) == {"there", "project"}
        await worker.execute("DELETE FROM walls")
        assert "plain" in await _names(session)


async def test_many_walls_are_hashed_not_searched(
    world: World, database: Database, files: dict[str, UUID], worker: asyncpg.Connection
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await worker.execute(
        "INSERT INTO probe_files SELECT gen_random_uuid(), '152525', gen_random_uuid(), gen_random_uuid(), n::text, 1 "
        "FROM generate_series(1, 5000) AS n"
    )
    await worker.execute(
        "INSERT INTO walls SELECT $1, 'project:' || gen_random_uuid(), now() FROM generate_series(1, 1000)", office.id
    )
    await worker.execute(
        "INSERT INTO walls SELECT $1, 'organisation:' || organisation_id, now() "
        "FROM probe_files WHERE organisation_id IS NOT NULL LIMIT 500",
        office.id,
    )
    async with database.transaction(Entry("person", office.id)) as session:
        plan = "\n".join(await session.scalars(text("EXPLAIN (ANALYZE, TIMING off) SELECT * FROM probe_files")))
        assert plan.count("hashed SubPlan") == 3, plan
        assert await session.scalar(text("SELECT count(*) FROM probe_files")) == 5004 - 500


async def test_a_recused_officer_reads_plans_and_files_none(world: World, worker: asyncpg.Connection) -> None:
    """Dossiers stay readable; the act on them is a row in a proceeding table, whose policy refuses."""
    async with world.admin.administration() as session:
        made = await fill(session)
    office = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(office, f"region:{HERE}")
    await worker.execute("DELETE FROM plan_filings")
    filing = {**made["plan_filings"], "decided_by": office.id}
    database: Database = world.api.state.database
    async with database.transaction(Entry("person", office.id)) as session:
        assert await session.scalar(text("SELECT count(*) FROM plans")) == 1
        assert await session.scalar(text("SELECT count(*) FROM plan_versions")) == 1
    with pytest.raises(e.Forbidden):
        async with database.transaction(Entry("person", office.id)) as session:
            await session.execute(insert(PlanFiling).values(filing))
    other = await world.person(Role.LEAGUE_OFFICE)
    async with database.transaction(Entry("person", other.id)) as session:
        await session.execute(insert(PlanFiling).values({**filing, "decided_by": other.id}))
