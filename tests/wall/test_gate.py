"""Entering and its locks: what was acknowledged counts, whatever was under way."""

import asyncio
import random
import time
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import event, text

from app.auth import registry
from app.core import errors as e
from app.core.config import Settings
from app.core.db import PUBLIC, Database, Entry, entered
from app.models.identity import Role
from tests.world import Actor, World

SUBJECT = "region:152501"
LOCK = "SELECT pg_advisory_xact_lock(gate.lock_key($1))"
PUT_WALL = "SELECT gate.put_wall($1, $2, now())"
BODY = {"name": "示例企业（示例）", "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}


@pytest.fixture
def database(world: World) -> Database:
    found: Database = world.api.state.database
    return found


async def _connect(settings: Settings) -> asyncpg.Connection:
    return await asyncpg.connect(settings.app_url.replace("+asyncpg", ""))


async def test_a_request_that_waited_for_a_wall_is_told_of_it(world: World, worker: asyncpg.Connection) -> None:
    """Locks first, then `rev` in a statement of its own: one statement would accept the token of before."""
    office = await world.person(Role.LEAGUE_OFFICE)
    async with worker.transaction():
        await worker.execute(LOCK, office.id)
        await worker.execute(PUT_WALL, office.id, SUBJECT)
        requests = [asyncio.create_task(office.get("/v1/regions")) for _ in range(3)]
        await asyncio.sleep(0.3)
        assert not any(request.done() for request in requests)
    answers = await asyncio.gather(*requests)
    assert {(a.status_code, a.json()["code"]) for a in answers} == {(401, "invalid_token")}
    await world.renew(office)
    assert (await office.get("/v1/regions")).status_code == 200


async def test_entering_reads_what_was_committed_while_it_waited(
    world: World, worker: asyncpg.Connection, app_role: asyncpg.Connection
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    before = await world.rev(office)
    async with app_role.transaction():
        async with worker.transaction():
            await worker.execute(LOCK, office.id)
            await worker.execute(PUT_WALL, office.id, SUBJECT)
            waiting = asyncio.create_task(app_role.fetchrow("SELECT * FROM gate.enter('person', $1, '{}')", office.id))
            await asyncio.sleep(0.3)
        answer = await waiting
        assert answer is not None
        assert answer["rev"] == before + 1
        assert await app_role.fetchval("SELECT gate.walls()") == [SUBJECT]


async def test_a_reader_in_the_way_of_a_recusal_is_ended(world: World, database: Database) -> None:
    """Two seconds of patience; then the reader's backend is ended, and nothing that it read is answered."""
    office = await world.person(Role.LEAGUE_OFFICE)
    admin = await world.person(Role.SECURITY_ADMIN)
    reading, outcome = asyncio.Event(), "committed"

    async def read() -> str:
        try:
            async with database.transaction(Entry("person", office.id)) as session:
                await session.execute(text("SELECT count(*) FROM regions"))
                reading.set()
                await asyncio.sleep(3.5)
        except e.Busy:
            return "busy"
        return outcome

    reader = asyncio.create_task(read())
    await reading.wait()
    started = time.monotonic()
    async with database.transaction(Entry("person", admin.id, targets=(office.id,))) as session:
        assert 1.8 < time.monotonic() - started < 3.4
        assert entered(session).rev is not None
    assert await reader == "busy"
    assert (await office.get("/v1/regions")).status_code == 200


async def test_a_request_in_the_way_of_a_recusal_answers_503_and_does_nothing(
    world: World, database: Database, owner: asyncpg.Connection
) -> None:
    await owner.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN NEW; END $$"
    )
    await owner.execute("CREATE TRIGGER slow BEFORE INSERT ON organisations FOR EACH ROW EXECUTE FUNCTION slow()")
    office = await world.person(Role.LEAGUE_OFFICE)
    request = asyncio.create_task(office.post("/v1/organisations", BODY))
    await asyncio.sleep(0.5)
    async with database.transaction(Entry("person", uuid4(), targets=(office.id,))):
        pass
    answer = await request
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert answer.headers["retry-after"]
    assert await world.rows("SELECT 1 FROM organisations") == []


async def test_a_short_reader_is_waited_for(world: World, database: Database) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    reading = asyncio.Event()

    async def read() -> None:
        async with database.transaction(Entry("person", office.id)):
            reading.set()
            await asyncio.sleep(0.4)

    reader = asyncio.create_task(read())
    await reading.wait()
    started = time.monotonic()
    async with database.transaction(Entry("person", uuid4(), targets=(office.id,))):
        assert time.monotonic() - started > 0.3
    await reader


async def test_only_readers_of_the_target_wait(world: World, database: Database) -> None:
    one, other = await world.person(), await world.person()
    exclusive = Entry("person", other.id, targets=(uuid4(),))
    async with database.transaction(Entry("person", one.id)), asyncio.timeout(1), database.transaction(exclusive):
        pass


async def test_overlapping_exclusive_locks_never_deadlock(world: World, settings: Settings) -> None:
    """Ascending and never upgraded: whoever calls, and also where the caller is a target."""
    people = [uuid4() for _ in range(6)]
    connections = [await _connect(settings) for _ in range(8)]
    dice = random.Random(20260302)  # noqa: S311 - reproducible, not secret

    async def rounds(connection: asyncpg.Connection) -> int:
        for _ in range(15):
            targets, relied_on = dice.sample(people, 3), dice.sample(people, 2)
            async with connection.transaction():
                await connection.execute(
                    "SELECT gate.enter_exclusive('person', $1, $2, $3)", dice.choice(people), targets, relied_on
                )
                await asyncio.sleep(0.001)
        return 15

    # A deadlock would raise 40P01 on a bare connection; the session's retries are not in play here.
    outcomes = await asyncio.gather(*(rounds(c) for c in connections), return_exceptions=True)
    for connection in connections:
        await connection.close()
    assert outcomes == [15] * 8


async def test_the_context_ends_with_its_transaction(world: World, app_role: asyncpg.Connection) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    for ending in ("COMMIT", "ROLLBACK"):
        await app_role.execute("BEGIN")
        await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", office.id)
        assert await app_role.fetchval("SELECT count(*) FROM regions") > 0
        await app_role.execute(ending)
        assert await app_role.fetchval("SELECT count(*) FROM regions") == 0
        assert await app_role.fetchval("SELECT gate.kind()") is None
        assert await app_role.fetchval("SELECT gate.roles()") == []
        assert (
            await app_role.fetchval(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
            )
            == 0
        )


async def test_a_pooled_connection_carries_nothing_over(world: World, settings: Settings) -> None:
    office = await world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"))
    database = Database(settings.app_url, pool_size=1)
    backends = set()
    for entry in (Entry("person", office.id), PUBLIC, Entry("person", uuid4())):
        async with database.transaction(entry) as session:
            backends.add(await session.scalar(text("SELECT pg_backend_pid()")))
            roles = await session.scalar(text("SELECT gate.roles()"))
            assert bool(roles) is (entry.principal == office.id)
            if entry is not PUBLIC and entry.principal != office.id:
                assert await session.scalar(text("SELECT count(*) FROM regions")) == 0
    assert len(backends) == 1
    await database.dispose()


async def test_a_transaction_that_begins_again_is_entered_again(
    world: World, database: Database, worker: asyncpg.Connection
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    before = await world.rev(office)
    async with database.transaction(Entry("person", office.id)) as session:
        assert entered(session).rev == before
        await session.rollback()
        await worker.execute("UPDATE principals SET rev = rev + 1 WHERE id = $1", office.id)
        assert await session.scalar(text("SELECT gate.principal()")) == office.id
        assert await session.scalar(text("SELECT count(*) FROM regions")) > 0
        assert entered(session).rev == before + 1


async def test_a_savepoint_neither_enters_nor_leaves(world: World, database: Database) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    async with database.transaction(Entry("person", office.id)) as session:
        first = entered(session)
        async with session.begin_nested():
            assert await session.scalar(text("SELECT gate.principal()")) == office.id
            assert entered(session) is first
        with pytest.raises(RuntimeError):
            async with session.begin_nested():
                raise RuntimeError
        assert entered(session) is first
        assert await session.scalar(text("SELECT gate.principal()")) == office.id


async def test_reads_are_committed_reads(database: Database) -> None:
    async with database.transaction(PUBLIC) as session:
        assert await session.scalar(text("SHOW transaction_isolation")) == "read committed"
        for bound in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            assert await session.scalar(text(f"SHOW {bound}")) not in {"0", ""}


GRANT = (
    "INSERT INTO grants (id, person_id, role, state, granted_at) "
    "VALUES (gen_random_uuid(), $1, 'auditor', 'active', now())"
)


async def _change(
    connection: asyncpg.Connection, admin: Actor, exclusive: list[UUID], statement: str, *values: object
) -> None:
    """A change by an administrator: exclusive locks on these, shared ones on who else is named."""
    shared = [value for value in values if isinstance(value, UUID) and value not in exclusive]
    async with connection.transaction():
        await connection.fetch("SELECT * FROM gate.enter_exclusive('person', $1, $2, $3)", admin.id, exclusive, shared)
        await connection.execute(statement, *values)


async def test_a_change_of_grants_needs_the_lock_and_raises_rev(world: World, app_role: asyncpg.Connection) -> None:
    admin = await world.person(Role.SECURITY_ADMIN)
    person = await world.person()
    before = await world.rev(person)
    # Without the lock, with a shared one, and with another's.
    for exclusive in ([], [admin.id], [uuid4()]):
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await _change(app_role, admin, exclusive, GRANT, person.id)
    assert await world.rev(person) == before
    await _change(app_role, admin, [person.id], GRANT, person.id)
    assert await world.rev(person) == before + 1
    assert (await person.get("/v1/me")).status_code == 401


async def test_a_grant_stays_with_its_person(world: World, app_role: asyncpg.Connection) -> None:
    admin = await world.person(Role.SECURITY_ADMIN)
    holder, other = await world.person(Role.AUDITOR), await world.person()
    with pytest.raises(asyncpg.IntegrityConstraintViolationError):
        await _change(
            app_role,
            admin,
            [holder.id, other.id],
            "UPDATE grants SET person_id = $1 WHERE person_id = $2",
            other.id,
            holder.id,
        )


async def test_employment_and_identity_need_the_lock(
    world: World, app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    system, security = await world.person(Role.SYSTEM_ADMIN), await world.person(Role.SECURITY_ADMIN)
    person, organisation = await world.person(), await world.organisation()
    employment = (
        "INSERT INTO employments (id, person_id, organisation_id, kind, starts_on, version, created_at, updated_at) "
        "VALUES (gen_random_uuid(), $1, CAST($2 AS text)::uuid, 'staff', '2026-01-01', 1, now(), now())"
    )
    key = "INSERT INTO identity_keys VALUES ($1, 'digest', CAST($2 AS text)::uuid, now())"
    for admin, statement, other in ((system, employment, organisation), (security, key, security.id)):
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await _change(app_role, admin, [], statement, person.id, str(other))
        await _change(app_role, admin, [person.id], statement, person.id, str(other))
    machine = await world.machine("152501")
    before = await world.rev(machine)
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await worker.execute("UPDATE clients SET regions = '{152502}' WHERE id = $1", machine.id)
    async with worker.transaction():
        await worker.execute(LOCK, machine.id)
        await worker.execute("UPDATE clients SET regions = '{152502}' WHERE id = $1", machine.id)
    assert await world.rev(machine) == before + 1


async def test_walls_are_raised_by_the_worker_alone(
    world: World, app_role: asyncpg.Connection, worker: asyncpg.Connection
) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    async with app_role.transaction():
        await app_role.fetch("SELECT * FROM gate.enter_exclusive('person', $1, $2, '{}')", office.id, [office.id])
        for statement in (
            "SELECT gate.put_wall($1, 'region:152501', now())",
            "SELECT gate.drop_wall($1, 'region:152501')",
            "INSERT INTO walls VALUES ($1, 'region:152501', now())",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with app_role.transaction():
                    await app_role.execute(statement, office.id)
    with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
        await worker.execute(PUT_WALL, office.id, SUBJECT)
    before = await world.rev(office)
    await world.wall(office, SUBJECT)
    assert await world.rev(office) == before + 1
    async with worker.transaction():
        await worker.execute(LOCK, office.id)
        await worker.execute("SELECT gate.drop_wall($1, $2)", office.id, SUBJECT)
    assert await world.rev(office) == before + 2
    assert await world.rows("SELECT 1 FROM walls") == []


@pytest.mark.parametrize("subject", ["nonsense", "region:", "person:1", "region:152501 ", "region:'x'"])
async def test_a_wall_names_a_known_kind_of_subject(world: World, subject: str) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    with pytest.raises(Exception, match="ck_walls_subject_shape"):
        await world.wall(office, subject)


async def test_a_lock_at_the_entrance_is_asked_for_three_times(
    world: World, settings: Settings, worker: asyncpg.Connection
) -> None:
    """Nothing was done yet, so another try is safe; then the answer is 503."""
    office = await world.person(Role.LEAGUE_OFFICE)
    hurried = Database(settings.app_url, pool_size=1)
    async with hurried.transaction(PUBLIC) as session:
        await session.execute(text("SET lock_timeout = '100ms'"))
    asked: list[str] = []
    event.listen(hurried.engine.sync_engine, "before_cursor_execute", lambda *sent: asked.append(sent[2]))
    async with worker.transaction():
        await worker.execute(LOCK, office.id)
        with pytest.raises(e.Busy):
            async with hurried.transaction(Entry("person", office.id)):
                pass
    assert ["gate.enter(" in statement for statement in asked] == [True] * 3
    released = asyncio.Event()

    async def hold() -> None:
        async with worker.transaction():
            await worker.execute(LOCK, office.id)
            released.set()
            await asyncio.sleep(0.15)

    holder = asyncio.create_task(hold())
    await released.wait()
    async with hurried.transaction(Entry("person", office.id)) as session:
        assert entered(session).rev is not None
    await holder
    await hurried.dispose()


async def test_locks_are_the_principals_own(world: World) -> None:
    """`registry.lock` and the gate agree about the key, or a command would lock nobody."""
    office = await world.person(Role.LEAGUE_OFFICE)
    async with world.admin.administration() as session:
        await registry.lock(session, office.id)
        request = asyncio.create_task(office.get("/v1/regions"))
        await asyncio.sleep(0.3)
        assert not request.done()
    assert (await request).status_code == 200
