"""Who sees rows at all: nobody without a context, nobody by a false one, every class by its own rule."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from app.core.config import Settings
from app.models import metadata
from app.models.base import TableClass
from app.models.ddl import APP, ENGINE, OWNER
from app.models.identity import Role
from tests.wall import judgement
from tests.wall.catalogue import SECRET
from tests.wall.rows import REGION, fill
from tests.world import World

STRANGER = UUID("00000000-0000-4000-8000-000000000001")
GUARDED = {TableClass.DOSSIER, TableClass.PROCEEDING, TableClass.JUDGEMENT, TableClass.CONFLICT}


@pytest.fixture
async def filled(world: World) -> World:
    """A row in every table there is."""
    async with world.admin.administration() as session:
        await fill(session)
    return world


async def _readable(connection: asyncpg.Connection) -> list[str]:
    held = [t.name for t in metadata.sorted_tables if t.name not in SECRET]
    return [t for t in held if await connection.fetchval("SELECT has_table_privilege($1, 'SELECT')", t)]


@asynccontextmanager
async def entered(connection: asyncpg.Connection, kind: str | None, who: UUID | None) -> AsyncIterator[None]:
    async with connection.transaction():
        await connection.fetch("SELECT * FROM gate.enter($1, $2, '{}')", kind, who)
        yield


async def _seen(connection: asyncpg.Connection, tables: list[str]) -> dict[str, int]:
    counts = {t: await connection.fetchval(f"SELECT count(*) FROM {t}") for t in tables}  # noqa: S608
    return {table: count for table, count in counts.items() if count}


async def test_every_table_holds_a_row(filled: World, worker: asyncpg.Connection) -> None:
    tables = [t.name for t in metadata.sorted_tables]
    assert (await _seen(worker, tables)).keys() == set(tables)


async def test_without_a_context_nothing_is_seen(filled: World, app_role: asyncpg.Connection) -> None:
    tables = await _readable(app_role)
    assert len(tables) > 20
    assert await _seen(app_role, tables) == {}
    async with app_role.transaction():
        assert await _seen(app_role, tables) == {}


@pytest.mark.parametrize(
    ("kind", "who"),
    [
        ("person", None),
        ("person", STRANGER),
        ("client", STRANGER),
        ("engine", STRANGER),
        ("", None),
        (None, None),
        ("Person", STRANGER),
    ],
)
async def test_a_context_that_stands_for_nobody_sees_nothing(
    filled: World, app_role: asyncpg.Connection, kind: str | None, who: UUID | None
) -> None:
    async with entered(app_role, kind, who):
        assert await _seen(app_role, await _readable(app_role)) == {}
        assert await app_role.fetchval("SELECT gate.kind()") is None


async def test_a_kind_that_is_not_the_principals_is_nobody(filled: World, app_role: asyncpg.Connection) -> None:
    office = await filled.person(Role.LEAGUE_OFFICE)
    machine = await filled.machine(REGION)
    for kind, who in (("client", office.id), ("person", machine.id)):
        async with entered(app_role, kind, who):
            assert await _seen(app_role, await _readable(app_role)) == {}


async def test_who_is_disabled_is_nobody(
    filled: World, app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    office = await filled.person(Role.LEAGUE_OFFICE)
    await worker.execute("UPDATE principals SET disabled_at = now() WHERE id = $1", office.id)
    async with entered(app_role, "person", office.id):
        assert await _seen(app_role, await _readable(app_role)) == {}


async def test_who_has_no_grant_sees_no_dossier(filled: World, app_role: asyncpg.Connection) -> None:
    guarded = {t.name for t in metadata.sorted_tables if t.info["class"] in GUARDED}
    stranger = await filled.person(name="无授权人员（示例）")
    abroad = await filled.person((Role.REGION_EDITOR, "152525"))
    machine = await filled.machine("152525", source="another-system")
    for kind, who in (
        ("public", None),
        ("person", stranger.id),
        ("person", abroad.id),
        ("client", machine.id),
    ):
        async with entered(app_role, kind, who):
            seen = await _seen(app_role, await _readable(app_role))
            assert seen.keys() & guarded == set(), kind
            assert "regions" in seen


async def test_who_is_entitled_sees_rows(
    filled: World, app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    """Or the tests above would prove nothing: staff their dossiers, officers the judgement, oneself one's own."""
    guarded = {t.name: t.info["class"] for t in metadata.sorted_tables if t.info["class"] in GUARDED}
    editor = await filled.person((Role.REGION_EDITOR, REGION))
    office = await filled.person(Role.LEAGUE_OFFICE)
    oneself = await worker.fetchval("SELECT person_id FROM commitments")
    seen = {}
    for name, who in (("editor", editor.id), ("office", office.id), ("oneself", oneself)):
        async with entered(app_role, "person", who):
            seen[name] = (await _seen(app_role, await _readable(app_role))).keys() & guarded.keys()
    of_staff = {t for t, held in guarded.items() if held in {TableClass.DOSSIER, TableClass.PROCEEDING}}
    # The ceremony of a seed is about no region, and its handlers' alone; so is that two systems tell of one project.
    of_staff -= {"draw_seeds", "project_matches", "project_match_decisions"}
    # Of the judgement on it a region is told what is disclosed with a publication, and nothing else. Whom it would
    # rather leave out it has named itself.
    assert seen["editor"] == of_staff | {"disclosed_explanations", "exclusion_names"}
    assert {"draw_seeds", "project_matches", "project_match_decisions"} <= seen["office"]
    assert guarded.keys() - SECRET == seen["editor"] | seen["office"] | seen["oneself"]
    assert seen["oneself"] & {"commitments", "declarations", "recusal_notices"} == {
        "commitments",
        "declarations",
        "recusal_notices",
    }


async def test_identity_is_seen_by_its_own_rule(filled: World, app_role: asyncpg.Connection) -> None:
    """Names by staff; accounts and grants by administrators and oneself; clients and the public see nobody."""
    machine = await filled.machine(REGION)
    tables = ["people", "employments", "accounts", "grants", "identity_keys"]
    for kind, who in (("public", None), ("client", machine.id)):
        async with entered(app_role, kind, who):
            assert await _seen(app_role, tables) == {}
    stranger = await filled.person()
    async with entered(app_role, "person", stranger.id):
        assert (await _seen(app_role, tables)).keys() == {"people", "employments"}


async def test_what_is_secret_is_refused_outright(filled: World, app_role: asyncpg.Connection) -> None:
    office = await filled.person(Role.SYSTEM_ADMIN)
    for table in SECRET:
        async with entered(app_role, "person", office.id):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with app_role.transaction():
                    await app_role.fetch(f"SELECT * FROM {table}")  # noqa: S608
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app_role.fetch("SELECT * FROM audit_entries_2026")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app_role.execute("TRUNCATE plans CASCADE")
    for role in (ENGINE, OWNER):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app_role.execute(f"SET ROLE {role}")


async def test_policies_cannot_be_switched_off(filled: World, app_role: asyncpg.Connection) -> None:
    """The switch makes a filter an error, never an opening."""
    await app_role.execute("SET row_security = off")
    for table in await _readable(app_role):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app_role.fetch(f"SELECT * FROM {table}")  # noqa: S608


async def test_the_audit_is_append_only(filled: World, app_role: asyncpg.Connection) -> None:
    auditor = await filled.person(Role.AUDITOR)
    async with entered(app_role, "person", auditor.id):
        assert await app_role.fetchval("SELECT count(*) FROM audit_entries") > 0
        for statement in ("UPDATE audit_entries SET action = 'x'", "DELETE FROM audit_entries"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with app_role.transaction():
                    await app_role.execute(statement)


async def test_a_forced_owner_sees_rows_only_as_a_member_of_the_engine(
    settings: Settings, owner: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    """A function of an owner outside the engine would read no recusal: the wall would stand open."""
    await judgement.create(owner)
    await worker.execute("INSERT INTO probe_files (id, region_code, name) VALUES (gen_random_uuid(), '152501', '示例')")
    assert await owner.fetchval("SELECT count(*) FROM probe_files") == 1
    assert await owner.execute("UPDATE probe_files SET score = 1") == "UPDATE 1"
    database = settings.owner_url.rpartition("/")[2].partition("?")[0]
    admin: Any = await asyncpg.connect(settings.admin_url.replace("+asyncpg", ""), database=database)
    outsider = f"outsider_{uuid4().hex[:12]}"
    try:
        await admin.execute(f"CREATE ROLE {outsider}; GRANT USAGE, CREATE ON SCHEMA public TO {outsider}")
        await admin.execute(
            f"ALTER TABLE probe_sheets OWNER TO {outsider}; ALTER TABLE probe_files OWNER TO {outsider}"
        )
        await admin.execute(f"SET ROLE {outsider}")
        assert await admin.fetchval("SELECT count(*) FROM probe_files") == 0
        assert await admin.execute("UPDATE probe_files SET score = 2") == "UPDATE 0"
    finally:
        await admin.execute(f"RESET ROLE; REASSIGN OWNED BY {outsider} TO {OWNER}; DROP OWNED BY {outsider}")
        await admin.execute(f"DROP ROLE {outsider}")
        await admin.close()


async def test_the_requests_role_is_no_member_of_the_engine(app_role: asyncpg.Connection) -> None:
    assert not await app_role.fetchval(f"SELECT pg_has_role('{APP}', '{ENGINE}', 'MEMBER')")
