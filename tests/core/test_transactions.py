"""One request, one transaction, one commit, before the response; and what happens when PostgreSQL is not there."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient
from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import errors as e
from app.core.config import Settings
from app.core.db import PUBLIC, Database, Entry, trial
from app.models.directory import Organisation
from app.models.identity import Role
from tests.ground import FrozenClock
from tests.world import World

ORGANISATIONS = "/v1/organisations"
BODY = {"name": "示例企业（示例）", "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}


@pytest.fixture
def database(api: FastAPI) -> Database:
    found: Database = api.state.database
    return found


async def _trigger(owner: asyncpg.Connection, when: str, body: str) -> None:
    await owner.execute(f"CREATE FUNCTION probe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$")
    constraint = "CONSTRAINT" if "DEFERRED" in when else ""
    await owner.execute(f"CREATE {constraint} TRIGGER probe {when} FOR EACH ROW EXECUTE FUNCTION probe()")


async def test_a_commit_that_fails_is_no_success(world: World, owner: asyncpg.Connection) -> None:
    """A session that commits after the response has begun would have answered 201."""
    office = await world.person(Role.LEAGUE_OFFICE)
    await _trigger(
        owner,
        "AFTER INSERT ON organisations DEFERRABLE INITIALLY DEFERRED",
        "RAISE EXCEPTION 'too late' USING ERRCODE = 'unique_violation'; RETURN NULL;",
    )
    answer = await office.post(ORGANISATIONS, BODY, key="late")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    for table in ("organisations", "outbox_events", "idempotency_records"):
        assert await world.rows(f"SELECT 1 FROM {table}") == [], table  # noqa: S608
    assert await world.rows("SELECT 1 FROM audit_entries WHERE action = 'organisations.create'") == []
    await owner.execute("DROP TRIGGER probe ON organisations")
    assert (await office.post(ORGANISATIONS, BODY, key="late")).status_code == 201


async def test_audit_event_and_key_stand_and_fall_with_the_act(world: World, owner: asyncpg.Connection) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY, key="k", headers={"X-Request-Id": "request-of-the-act"})
    resource = made.json()["id"]
    [entry] = await world.rows("SELECT * FROM audit_entries WHERE resource_id = :id", id=resource)
    assert (entry.action, entry.outcome, entry.actor_kind, entry.actor_id, entry.request_id, entry.region_code) == (
        "organisations.create",
        "done",
        "person",
        office.id,
        "request-of-the-act",
        "152501",
    )
    [event] = await world.rows("SELECT * FROM outbox_events")
    assert (str(event.resource_id), event.type, event.delivered_at) == (resource, "organisations.create", None)
    for table in ("outbox_events", "idempotency_records", "audit_entries"):
        await _trigger(
            owner, f"BEFORE INSERT ON {table}", "RAISE EXCEPTION 'full' USING ERRCODE = 'disk_full'; RETURN NEW;"
        )
        refused = await office.post(ORGANISATIONS, {**BODY, "name": table})
        assert refused.status_code >= 500, table
        assert await world.rows("SELECT 1 FROM organisations WHERE name = :n", n=table) == []
        await owner.execute(f"DROP TRIGGER probe ON {table}; DROP FUNCTION probe()")


async def test_a_refusal_leaves_its_trace_and_nothing_else(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    before = len(await world.rows("SELECT 1 FROM audit_entries"))
    refused = await editor.post(ORGANISATIONS, BODY, headers={"X-Request-Id": "request-refused"})
    assert refused.status_code == 403
    entries = await world.rows("SELECT * FROM audit_entries WHERE request_id = 'request-refused'")
    assert [(x.action, x.outcome, x.actor_id, x.reason) for x in entries] == [
        ("POST /v1/organisations", "denied", editor.id, "scope_missing")
    ]
    assert len(await world.rows("SELECT 1 FROM audit_entries")) == before + 1
    # Absent things and bad payloads are not acts that were denied.
    assert (await editor.get(f"{ORGANISATIONS}/{uuid4()}")).status_code == 404
    assert len(await world.rows("SELECT 1 FROM audit_entries")) == before + 1


async def test_a_refusal_that_cannot_be_recorded_is_not_given(world: World, owner: asyncpg.Connection) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    await _trigger(
        owner, "BEFORE INSERT ON audit_entries", "RAISE EXCEPTION 'x' USING ERRCODE = 'query_canceled'; RETURN NEW;"
    )
    answer = await editor.post(ORGANISATIONS, BODY)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")


async def test_a_row_that_is_gone_between_read_and_write_is_404(world: World, owner: asyncpg.Connection) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY)
    # As a policy would: the update meets no row.
    await _trigger(owner, "BEFORE UPDATE ON organisations", "RETURN NULL;")
    answer = await office.patch(made.headers["location"], {"short_name": "示例"}, etag=made.headers["etag"])
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_what_changes_nothing_is_no_new_version(world: World, clock: FrozenClock) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY)
    clock.advance(seconds=5)
    same = await office.patch(made.headers["location"], {"name": BODY["name"]}, etag=made.headers["etag"])
    assert (same.status_code, same.json(), same.headers["etag"]) == (200, made.json(), made.headers["etag"])
    other = await office.patch(made.headers["location"], {"short_name": "示例"}, etag=made.headers["etag"])
    shown = other.json()
    assert (shown["version"], shown["created_at"]) == (2, made.json()["created_at"])
    assert shown["updated_at"] > made.json()["updated_at"]


async def test_what_the_driver_refuses_is_the_payloads_fault(database: Database) -> None:
    """An integer beyond the column, or a lone surrogate, never reaches the server: 422, not 503 for ever."""
    with pytest.raises(e.Invalid):
        async with database.transaction(PUBLIC) as session:
            await session.execute(text("SELECT CAST(:n AS integer)"), {"n": 2**40})
    for value in ("\ud800", "a\0b"):
        with pytest.raises(e.Invalid):
            async with database.transaction(PUBLIC) as session:
                await session.execute(text("SELECT CAST(:t AS text)"), {"t": value})


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"parent_id": uuid4()}, "unknown_reference"),
        ({"kind": "nonsense"}, "invalid_value"),
        ({"name": None}, "invalid_value"),
    ],
)
async def test_constraints_are_the_last_net(world: World, change: dict[str, object], code: str) -> None:
    """What validation let through is 422 without naming the row or the constraint."""
    office = await world.person(Role.LEAGUE_OFFICE)
    now = world.api.state.database.clock.now()
    values = {**BODY, "id": uuid4(), "charge_modes": [], "version": 1, "created_at": now, "updated_at": now}
    with pytest.raises(e.Invalid) as refused:
        async with world.api.state.database.transaction(Entry("person", office.id)) as session:
            await session.execute(insert(Organisation).values(values | change))
    assert [(item.pointer, item.code) for item in refused.value.errors] == [("", code)]


async def test_a_used_up_pool_is_503_and_recovers(world: World, database: Database) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    database.engine.pool._timeout = 0.2  # type: ignore[attr-defined] # ten seconds otherwise
    let_go = asyncio.Event()

    async def hold() -> None:
        async with database.transaction(PUBLIC):
            await let_go.wait()

    holders = [asyncio.create_task(hold()) for _ in range(8)]
    await asyncio.sleep(0.3)
    answer = await office.get("/v1/regions")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["retry-after"] == "1"
    let_go.set()
    await asyncio.gather(*holders)
    assert (await office.get("/v1/regions")).status_code == 200


async def test_what_fails_gives_its_connection_back(database: Database) -> None:
    sessions = []

    async def fail() -> None:
        async with database.transaction(PUBLIC) as session:
            sessions.append(session)
            await session.execute(text("SELECT 1"))
            raise RuntimeError

    for _ in range(3):
        with pytest.raises(RuntimeError):
            await fail()
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_a_trial_is_taken_back_unless_it_is_kept(database: Database) -> None:
    async def tried(session: AsyncSession, value: str, *, kept: bool = True, fails: bool = False) -> None:
        async with trial(session) as outcome:
            await session.execute(text("SELECT set_config('probe.tried', :v, true)"), {"v": value})
            outcome.kept = kept
            if fails:
                raise RuntimeError

    async with database.transaction(PUBLIC) as session:
        await tried(session, "kept")
        await tried(session, "dropped", kept=False)
        with pytest.raises(RuntimeError):
            await tried(session, "failed", fails=True)
        assert await session.scalar(text("SELECT current_setting('probe.tried')")) == "kept"


async def test_more_requests_than_connections_all_succeed(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    answers = await asyncio.gather(*(office.get("/v1/regions?limit=1") for _ in range(60)))
    assert {a.status_code for a in answers} == {200}


async def test_lost_connections_are_replaced_unnoticed(world: World, settings: Settings) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await asyncio.gather(*(office.get("/v1/regions") for _ in range(6)))
    await _end_backends(settings)
    answers = [await office.get("/v1/regions") for _ in range(6)]
    assert {a.status_code for a in answers} == {200}


async def test_a_database_that_is_gone_is_503_and_comes_back(
    world: World, http: AsyncClient, settings: Settings
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    admin = await asyncpg.connect(settings.admin_url.replace("+asyncpg", ""))
    name = _database(settings)
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
    await _end_backends(settings)
    for path in ("/v1/regions", "/readyz"):
        answer = await office.get(path)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert answer.headers["retry-after"]
    assert (await http.get("/healthz")).status_code == 200
    await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
    assert (await office.get("/v1/regions")).status_code == 200
    assert (await http.get("/readyz")).status_code == 200
    await admin.close()


async def test_nothing_listens_at_the_address() -> None:
    database = Database("postgresql+asyncpg://liangshan_app:x@127.0.0.1:1/nothing")
    with pytest.raises(e.Busy):
        async with database.transaction(PUBLIC):
            pass
    await database.dispose()


def _database(settings: Settings) -> str:
    return settings.app_url.rpartition("/")[2].partition("?")[0]


async def _end_backends(settings: Settings) -> None:
    admin = await asyncpg.connect(settings.admin_url.replace("+asyncpg", ""))
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'liangshan_app' AND datname = $1",
        _database(settings),
    )
    await admin.close()
    await asyncio.sleep(0.1)


async def test_who_gives_up_at_the_entrance_is_gone(
    world: World, database: Database, worker: asyncpg.Connection
) -> None:
    """A request that is cancelled while it waits for the lock ends, and gives its connection back."""
    person = await world.person(Role.LEAGUE_OFFICE)

    async def enter() -> None:
        async with database.transaction(Entry("person", person.id)):
            pytest.fail("the lock was held")

    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", person.id)
        waiting = asyncio.create_task(enter())
        await asyncio.sleep(0.5)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 2)
        assert database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
