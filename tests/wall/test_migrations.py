"""Migrations run down and up again, leave nothing behind, and see the rows that they change."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from app.core.bootstrap import database_statement
from app.core.config import Settings
from app.core.migrations import ROOT, UnsuitableDatabaseError, migrate
from app.models.ddl import APP
from tests.ground import Ground
from tests.wall.catalogue import declarations, faults

LEFT_OVER = """
SELECT 'relation ' || relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relname !~ '^alembic_version'
UNION SELECT 'function ' || proname FROM pg_proc JOIN pg_namespace AS n ON n.oid = pronamespace
WHERE n.nspname IN ('public', 'gate')
UNION SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'gate'
UNION SELECT 'policy ' || polname FROM pg_policy
UNION SELECT 'defaults of ' || defaclrole::regrole::text FROM pg_default_acl
"""


def _create(ground: Ground, statement: str) -> None:
    async def run() -> None:
        admin = await asyncpg.connect(ground.admin_url)
        await admin.execute(statement)
        await admin.close()

    asyncio.run(run())


@pytest.fixture
def empty(ground: Ground) -> Iterator[Settings]:
    """A database with nothing in it, as `bootstrap` makes it."""
    name = f"liangshan_test_{uuid4().hex[:16]}"
    _create(ground, database_statement(name))
    yield ground.settings(name)
    asyncio.run(ground.drop(name))


async def _owner(settings: Settings) -> asyncpg.Connection:
    return await asyncpg.connect(settings.owner_url.replace("+asyncpg", ""))


async def test_up_down_and_up_again(empty: Settings) -> None:
    await migrate(empty)
    owner = await _owner(empty)
    assert await faults(owner, declarations()) == []
    first = await owner.fetch("SELECT polname, polrelid::regclass::text, polcmd FROM pg_policy ORDER BY 2, 1")
    await migrate(empty, "base")
    assert [row[0] for row in await owner.fetch(LEFT_OVER)] == []
    await migrate(empty)
    assert await faults(owner, declarations()) == []
    assert await owner.fetch("SELECT polname, polrelid::regclass::text, polcmd FROM pg_policy ORDER BY 2, 1") == first
    await owner.close()


async def test_every_step_goes_down_and_up(empty: Settings) -> None:
    revisions = [script.revision for script in ScriptDirectory(str(ROOT / "alembic")).walk_revisions()][::-1]
    assert revisions == sorted(revisions)
    for revision in revisions:
        await migrate(empty, revision)
        await migrate(empty, "-1")
        await migrate(empty, revision)


async def test_models_and_migrations_agree(settings: Settings) -> None:
    engine = create_async_engine(settings.owner_url)

    def check(connection: Connection) -> None:
        config = Config(toml_file=ROOT / "pyproject.toml")
        config.attributes["connection"] = connection
        command.check(config)

    async with engine.connect() as connection:
        await connection.run_sync(check)
    await engine.dispose()


async def test_an_upgrade_keeps_and_sees_rows(empty: Settings) -> None:
    """A data migration runs as the forced owner: outside the engine it would change 0 rows and say nothing."""
    await migrate(empty, "0005")
    owner = await _owner(empty)
    await owner.execute(
        "INSERT INTO regions VALUES ('152501', '示例市', NULL, 'Example', 'county', 'GB2260', '政府', NULL, true)"
    )
    await owner.execute(
        "INSERT INTO organisations (id, name, kind, no_code_reason, region_code, charge_modes, version, created_at, "
        "updated_at) SELECT gen_random_uuid(), '示例' || n, 'enterprise', '示例', '152501', '{}', 1, now(), now() "
        "FROM generate_series(1, 100) AS n"
    )
    await migrate(empty)
    assert await owner.execute("UPDATE organisations SET short_name = name") == "UPDATE 100"
    app = await asyncpg.connect(empty.app_url.replace("+asyncpg", ""))
    assert await app.fetchval("SELECT count(*) FROM organisations") == 0
    await migrate(empty, "0005")
    assert await owner.fetchval("SELECT count(*) FROM organisations WHERE short_name = name") == 100
    await app.close()
    await owner.close()


BEFORE_SEEDS = """
INSERT INTO regions VALUES ('152501', '示例市', NULL, 'Example', 'county', 'GB2260', '政府', NULL, true);
INSERT INTO evaluation_schemes
VALUES ('00000000-0000-4000-8000-000000000001', '示例', 1, '示例', true, '{}', '0', now());
INSERT INTO evaluation_cycles (id, assessment_year, submission_year, scheme_id, scheme_sha256, due_on, phase, version,
    created_at, updated_at)
VALUES ('00000000-0000-4000-8000-000000000002', 2025, 2026, '00000000-0000-4000-8000-000000000001', '0', '2026-04-30',
    'open', 1, now(), now());
INSERT INTO evaluations (id, cycle_id, region_code, assessment_year, state, version, created_at, updated_at)
VALUES ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000002', '152501', 2025, 'accepted', 1,
    now(), now());
INSERT INTO panels (id, subject_kind, subject_id, region_code, year, criteria, seats, reserves, quorum, state, version,
    created_at, updated_at)
VALUES ('00000000-0000-4000-8000-000000000004', 'evaluation', '00000000-0000-4000-8000-000000000003', '152501', 2026,
    '[]', 1, 0, 1, 'reviewing', 1, now(), now());
INSERT INTO draws (id, panel_id, region_code, seed, candidates, candidates_sha256, excluded, drawn_at)
SELECT gen_random_uuid(), '00000000-0000-4000-8000-000000000004', '152501', 'seed-' || n, '[]', '0', '{}',
    now() - interval '1 day' * n FROM generate_series(1, 2) AS n;
"""


async def test_panels_and_draws_from_before_the_seeds_keep_what_they_had(empty: Settings) -> None:
    await migrate(empty, "0016")
    owner = await _owner(empty)
    await owner.execute(BEFORE_SEEDS)
    await migrate(empty)
    assert str(await owner.fetchval("SELECT occasion_id FROM panels")) == "00000000-0000-4000-8000-000000000002"
    rows = await owner.fetch("SELECT number, seed, drawn FROM draws ORDER BY number")
    assert [tuple(row) for row in rows] == [(1, "seed-2", "[]"), (2, "seed-1", "[]")]
    await migrate(empty, "0016")
    assert await owner.fetchval("SELECT count(*) FROM draws WHERE seed LIKE 'seed-%'") == 2
    await owner.close()


BEFORE_REGISTRATION = """
INSERT INTO regions VALUES ('152501', '示例市', NULL, 'Example', 'county', 'GB2260', '政府', NULL, true);
INSERT INTO organisations (id, name, kind, no_code_reason, region_code, charge_modes, version, created_at, updated_at)
VALUES ('00000000-0000-4000-8000-000000000001', '示例', 'department', '示例', '152501', '{}', 1, now(), now());
INSERT INTO principals VALUES ('00000000-0000-4000-8000-000000000002', 'client', 7, NULL);
SELECT pg_advisory_xact_lock(gate.lock_key('00000000-0000-4000-8000-000000000002'));
INSERT INTO clients (id, client_id, name, organisation_id, source_system, scopes, regions, is_demo, version, created_at,
    updated_at)
VALUES ('00000000-0000-4000-8000-000000000002', 'ledger', '示例', '00000000-0000-4000-8000-000000000001', 'ledger',
    '{projects:push}', '{152501}', false, 1, '2026-01-01', now());
"""


async def test_a_client_from_before_its_registration_by_requests_keeps_what_it_had(empty: Settings) -> None:
    await migrate(empty, "0019")
    owner = await _owner(empty)
    async with owner.transaction():
        await owner.execute("SET LOCAL ROLE liangshan_engine")
        await owner.execute(BEFORE_REGISTRATION)
    before = await owner.fetchval("SELECT rev FROM principals")
    await migrate(empty)
    [row] = await owner.fetch(
        "SELECT scopes = requested_scopes AND regions = requested_regions AND requested_at = created_at, scopes, "
        "regions FROM clients"
    )
    assert tuple(row) == (True, ["projects:push"], ["152501"])
    # Its tokens go on.
    assert await owner.fetchval("SELECT rev FROM principals") == before
    await migrate(empty, "0019")
    assert await owner.fetchval("SELECT scopes FROM clients") == ["projects:push"]
    await owner.close()


async def test_two_machines_may_migrate_at_once(empty: Settings) -> None:
    addresses = {
        f"{name.upper()}": getattr(empty, name).get_secret_value()
        for name in ("database_url", "database_owner_url", "database_worker_url", "secret_key")
    }
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "app", "migrate", cwd=ROOT, env={**os.environ, **addresses}
        )
        for _ in range(2)
    ]
    assert [await process.wait() for process in started] == [0, 0]
    owner = await _owner(empty)
    assert await owner.fetchval("SELECT count(*) FROM signing_keys WHERE state = 'active'") == 1
    assert await faults(owner, declarations()) == []
    await owner.close()


async def test_the_c_locale_is_refused(ground: Ground) -> None:
    name = f"liangshan_test_{uuid4().hex[:16]}"
    admin = await asyncpg.connect(ground.admin_url)
    await admin.execute(
        f"CREATE DATABASE {name} OWNER liangshan_owner TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    await admin.close()
    with pytest.raises(UnsuitableDatabaseError, match="LC_CTYPE"):
        await migrate(ground.settings(name))
    await ground.drop(name)


async def test_a_busy_table_does_not_hold_the_migration_up_for_ever(empty: Settings) -> None:
    engine = create_async_engine(empty.owner_url)
    await migrate(empty)
    async with engine.connect() as connection:

        def lock_timeout(sync: Connection) -> str:
            config = Config(toml_file=ROOT / "pyproject.toml")
            config.attributes["connection"] = sync
            command.upgrade(config, "head")
            return str(sync.scalar(text("SHOW lock_timeout")))

        assert await connection.run_sync(lock_timeout) == "10s"
    await engine.dispose()


def test_migrations_are_a_folder_and_no_package() -> None:
    """An `__init__.py` there would hide the library of the same name. And roles are not a migration's to make."""
    folder = Path(ROOT / "alembic")
    assert list(folder.rglob("__init__.py")) == []
    for file in folder.rglob("*.py"):
        assert "CREATE ROLE" not in file.read_text(encoding="utf-8").upper(), file
        assert "GRANT ALL" not in file.read_text(encoding="utf-8").upper(), file
    assert APP == "liangshan_app"
