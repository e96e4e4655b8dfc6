"""What SQL has beside its four commands, tried by the requests' role with a walled person set: every table of the
judgement and of the conflicts gives nothing, or refuses (Art. 11).
"""

# ruff: noqa: S608 - the names are those of our own tables

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.models import metadata
from app.models.base import TableClass
from app.models.ddl import APP, ENGINE
from app.models.identity import Role
from tests.wall.catalogue import SECRET
from tests.wall.rows import REGION, fill
from tests.wall.test_visibility import entered
from tests.world import Actor, World

JUDGED = [
    table.name
    for table in metadata.sorted_tables
    if table.info["class"] in {TableClass.JUDGEMENT, TableClass.CONFLICT}
    and table.name not in SECRET
    # Signed for a year, about no subject: deciders read everybody's.
    and table.name != "commitments"
]


@pytest.fixture
async def walled(world: World) -> Actor:
    """An officer who is recused from the region that all rows are about."""
    async with world.admin.administration() as session:
        await fill(session)
    officer = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(officer, f"region:{REGION}")
    return officer


@pytest.fixture
async def sql(walled: Actor, app_role: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    async with entered(app_role, "person", walled.id):
        yield app_role


async def refused(connection: asyncpg.Connection, statement: str) -> bool:
    """By the rights of the role. Anything else that goes wrong is a fault of the test."""
    try:
        async with connection.transaction():
            await connection.execute(statement)
    except asyncpg.InsufficientPrivilegeError:
        return True
    return False


def test_there_are_such_tables() -> None:
    assert len(JUDGED) >= 15
    assert {"score_sheets", "assignments", "recusals", "recusal_decisions", "exclusion_names"} <= set(JUDGED)


@pytest.mark.parametrize("table", JUDGED)
async def test_beside_the_four_commands(sql: asyncpg.Connection, table: str) -> None:
    assert await refused(sql, f"TRUNCATE {table}")
    assert await refused(sql, f"TRUNCATE {table} CASCADE")
    assert await refused(sql, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    assert await refused(sql, f"DROP POLICY engine_all ON {table}")
    assert await refused(sql, f"CREATE VIEW public.copied AS SELECT * FROM {table}")
    assert await refused(sql, f"CREATE MATERIALIZED VIEW public.copied AS SELECT * FROM {table}")
    assert await refused(sql, f"CREATE TABLE public.copied AS SELECT * FROM {table}")
    assert await refused(sql, f"CREATE RULE opened AS ON SELECT TO {table} DO INSTEAD NOTHING")
    assert await refused(sql, f"CREATE TRIGGER copied BEFORE INSERT ON {table} EXECUTE FUNCTION gate.on_recusal()")
    assert await refused(sql, f"COPY {table} TO '/dev/null'")
    assert await refused(sql, f"COPY {table} TO PROGRAM 'cat'")
    assert await refused(sql, f"COPY {table} FROM '/dev/null'")


@pytest.mark.parametrize("table", JUDGED)
async def test_what_reads_by_another_way_gives_nothing(sql: asyncpg.Connection, table: str) -> None:
    rows = f"SELECT * FROM {table}"
    if await sql.fetchval("SELECT has_table_privilege($1, 'UPDATE')", table):
        assert await sql.fetch(f"{rows} FOR SHARE") == []
    gathered = bytearray()

    async def keep(data: bytes) -> None:
        gathered.extend(data)

    assert await sql.copy_from_query(rows, output=keep) == "COPY 0"
    assert gathered == b""
    assert await sql.fetch(f"WITH hidden AS MATERIALIZED ({rows}) SELECT * FROM hidden") == []
    assert await sql.fetchval(f"SELECT count(*) FROM (TABLE {table}) AS every") == 0
    assert await sql.fetchval(f"SELECT to_jsonb(array_agg(t)) FROM {table} AS t") is None
    cursor = await sql.cursor(rows)
    assert await cursor.fetch(10) == []
    # What one may make for oneself reads with one's own rights: views, functions that run as their owner.
    await sql.execute(f"CREATE TEMP VIEW seen_{table} AS {rows}")
    assert await sql.fetch(f"SELECT * FROM seen_{table}") == []
    await sql.execute(
        f"CREATE FUNCTION pg_temp.read_{table}() RETURNS SETOF {table} LANGUAGE sql SECURITY DEFINER AS '{rows}'"
    )
    assert await sql.fetch(f"SELECT * FROM pg_temp.read_{table}()") == []


async def test_no_role_is_taken_and_no_setting_opens(walled: Actor, sql: asyncpg.Connection) -> None:
    for statement in (
        f"SET ROLE {ENGINE}",
        f"SET SESSION AUTHORIZATION {ENGINE}",
        f"GRANT {ENGINE} TO {APP}",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_import('/dev/null')",
        "SET session_replication_role = replica",
        "CREATE EXTENSION dblink",
        "CREATE SCHEMA own",
    ):
        assert await refused(sql, statement), statement
    await sql.execute("SET LOCAL row_security = off")
    for table in JUDGED:
        assert await refused(sql, f"SELECT * FROM {table}"), table


async def test_no_function_of_the_gate_reads_for_others(sql: asyncpg.Connection) -> None:
    """Those that are not granted are refused; no others see rows for who may not."""
    rows = await sql.fetch(
        "SELECT p.oid::regprocedure::text AS name FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace "
        f"WHERE n.nspname = 'gate' AND p.prosecdef AND NOT has_function_privilege('{APP}', p.oid, 'EXECUTE') "
        "AND p.prorettype <> 'trigger'::regtype"
    )
    assert len(rows) > 15
    for row in rows:
        name, _, arguments = row["name"].partition("(")
        nothing = ", ".join(f"NULL::{kind}" for kind in arguments.rstrip(")").split(",") if kind)
        assert await refused(sql, f"SELECT {name}({nothing})"), name
    # What the gate answers to the walled about the region: nothing to be seen, nothing to be done.
    assert (
        await sql.fetch(
            "SELECT * FROM gate.check_eligibility(ARRAY[gate.principal()], 'reviewer', $1, NULL, now()::date)", REGION
        )
        == []
    )
    assert await sql.fetch("SELECT * FROM gate.undecidable()") == []
    assert not await sql.fetchval("SELECT gate.clear_of($1, NULL, NULL, NULL, '{}')", REGION)


async def test_leakproof_is_nobodys_to_say(sql: asyncpg.Connection) -> None:
    """A function that tells what it is given would be asked before the wall, if it might be called leakproof."""
    assert await refused(
        sql,
        "CREATE FUNCTION pg_temp.telling(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 LEAKPROOF "
        "AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
    )
    told: list[str] = []
    sql.add_log_listener(lambda _connection, message: told.append(str(message)))
    await sql.execute(
        "CREATE FUNCTION pg_temp.telling(text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 "
        "AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'"
    )
    for table in JUDGED:
        await sql.fetch(f"SELECT 1 FROM {table} AS t WHERE pg_temp.telling(t::text)")
    await asyncio.sleep(0.05)
    assert told == []
