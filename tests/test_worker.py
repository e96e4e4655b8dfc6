"""The worker: exactly once, whatever dies. Handlers here write audit rows, so that effects can be counted."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, audit, record
from app.core.config import Settings
from app.core.db import PUBLIC, Database
from app.core.errors import Forbidden
from app.core.jobs import ask
from app.models.jobs import Job
from app.worker import LEASE, MAX_ATTEMPTS, Worker
from tests.ground import FrozenClock

ABOUT = Resource("test", None)


@pytest.fixture
async def database(settings: Settings, clock: FrozenClock) -> AsyncIterator[Database]:
    made = Database(settings.worker_url, clock=clock, pool_size=4)
    yield made
    await made.dispose()


@pytest.fixture
async def requests(settings: Settings, clock: FrozenClock) -> AsyncIterator[Database]:
    made = Database(settings.app_url, clock=clock, pool_size=2)
    yield made
    await made.dispose()


async def _effects(database: Database) -> int:
    async with database.administration() as session:
        return int(await session.scalar(text("SELECT count(*) FROM audit_entries WHERE action = 'effect'")) or 0)


async def _effect(session: AsyncSession, _job: Job) -> None:
    await audit(session, "effect", ABOUT, outcome="done")


async def test_asked_by_a_request_done_once(requests: Database, database: Database) -> None:
    for _ in range(2):
        async with requests.transaction(PUBLIC) as session:
            await ask(session, "count", key="the-same", about=ABOUT)
    worker = Worker(database, {"count": _effect})
    assert await worker.drain() == 1
    assert await worker.drain() == 0
    assert await _effects(database) == 1


async def test_what_is_rolled_back_is_not_asked_for(requests: Database, database: Database) -> None:
    async def ask_and_fail() -> None:
        async with requests.transaction(PUBLIC) as session:
            await ask(session, "count", key="never", about=ABOUT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await ask_and_fail()
    assert await Worker(database, {"count": _effect}).drain() == 0


async def test_requests_read_no_jobs(requests: Database) -> None:
    async with requests.transaction(PUBLIC) as session:
        await ask(session, "count", key="hidden", about=ABOUT)

    async def read() -> None:
        async with requests.transaction(PUBLIC) as session:
            await session.execute(text("SELECT * FROM jobs"))

    with pytest.raises(Forbidden):
        await read()


async def test_a_failing_job_is_tried_again_and_leaves_nothing_half_done(
    requests: Database, database: Database, clock: FrozenClock
) -> None:
    async def fail(session: AsyncSession, job: Job) -> None:
        await _effect(session, job)
        raise ValueError("content that must not be kept")

    async with requests.transaction(PUBLIC) as session:
        await ask(session, "fail", key="failing", about=ABOUT)
    worker = Worker(database, {"fail": fail})
    for _ in range(MAX_ATTEMPTS):
        assert await worker.drain() == 1
        clock.advance(hours=1)
    assert await worker.drain() == 0
    assert await _effects(database) == 0
    async with database.administration() as session:
        job = (await session.execute(text("SELECT state, attempts, last_error FROM jobs"))).one()
    assert tuple(job) == ("failed", MAX_ATTEMPTS, "ValueError")


async def test_a_dead_workers_job_is_done_by_another_and_the_dead_ones_effects_do_not_count(
    requests: Database, database: Database, clock: FrozenClock
) -> None:
    """The first worker stalls beyond its lease; the second does the job; then the first wakes up."""
    begun, wake = asyncio.Event(), asyncio.Event()

    async def stall(session: AsyncSession, job: Job) -> None:
        begun.set()
        await wake.wait()
        await _effect(session, job)

    async with requests.transaction(PUBLIC) as session:
        await ask(session, "count", key="stalling", about=ABOUT)
    first = asyncio.create_task(Worker(database, {"count": stall}).drain())
    await begun.wait()
    clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await Worker(database, {"count": _effect}).drain() == 1
    wake.set()
    await first
    assert await _effects(database) == 1


async def test_many_workers_share_the_work(requests: Database, database: Database) -> None:
    async with requests.transaction(PUBLIC) as session:
        for _ in range(30):
            await ask(session, "count", key=uuid4().hex, about=ABOUT)
    done = await asyncio.gather(*(Worker(database, {"count": _effect}).drain() for _ in range(4)))
    assert sum(done) == 30
    assert await _effects(database) == 30


async def _events(requests: Database, *types: str) -> None:
    async with requests.transaction(PUBLIC) as session:
        for kind in types:
            await record(session, kind, Resource("plan", uuid4()))


async def test_events_reach_their_subscribers_once(requests: Database, database: Database) -> None:
    await _events(requests, "plans.file", "plans.return")
    hearing = Worker(database, {"count": _effect}, {"plans.file": ("count",)})
    await asyncio.gather(hearing.drain(), Worker(database, {"count": _effect}, {"plans.file": ("count",)}).drain())
    assert await _effects(database) == 1
    async with database.administration() as session:
        assert await session.scalar(text("SELECT count(*) FROM outbox_events WHERE delivered_at IS NULL")) == 0


async def test_a_subscriber_that_fails_holds_up_no_other_event(requests: Database, database: Database) -> None:
    async def fail(_session: AsyncSession, job: Job) -> None:
        raise ValueError(job.payload["event_id"])

    await _events(requests, "plans.file", "plans.return")
    await Worker(
        database, {"fail": fail, "count": _effect}, {"plans.file": ("fail",), "plans.return": ("count",)}
    ).drain()
    assert await _effects(database) == 1
    async with database.administration() as session:
        states = (await session.execute(text("SELECT kind, state, last_error FROM jobs ORDER BY kind"))).all()
    assert [tuple(row) for row in states] == [("count", "done", None), ("fail", "queued", "ValueError")]


async def _to_the_end(worker: Worker, clock: FrozenClock) -> tuple[str, int, str]:
    for _ in range(2 * MAX_ATTEMPTS):
        await worker.drain()
        clock.advance(hours=1)
    async with worker.database.administration() as session:
        job = (await session.execute(text("SELECT state, attempts, last_error, claim FROM jobs"))).one()
    assert job.claim is None
    return job.state, job.attempts, job.last_error


async def test_a_job_of_an_unknown_kind_fails_and_the_rest_is_done(
    requests: Database, database: Database, clock: FrozenClock
) -> None:
    async with requests.transaction(PUBLIC) as session:
        await ask(session, "nobody.knows", key="unknown", about=ABOUT)
    worker = Worker(database, {"count": _effect})
    assert await _to_the_end(worker, clock) == ("failed", MAX_ATTEMPTS, "UnknownKindError")
    async with requests.transaction(PUBLIC) as session:
        await ask(session, "count", key="known", about=ABOUT)
    assert await worker.drain() == 1
    assert await _effects(database) == 1


async def test_a_job_that_kills_its_workers_is_given_up(
    requests: Database, database: Database, clock: FrozenClock
) -> None:
    async def die(_session: AsyncSession, _job: Job) -> None:
        raise asyncio.CancelledError  # as the process would: nothing is put back

    async with requests.transaction(PUBLIC) as session:
        await ask(session, "deadly", key="deadly", about=ABOUT)
    worker = Worker(database, {"deadly": die})
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(asyncio.CancelledError):
            await worker.drain()
        clock.advance(seconds=LEASE.total_seconds() + 1)
    assert await _to_the_end(worker, clock) == ("failed", MAX_ATTEMPTS, "WorkerLost")
    assert await _effects(database) == 0


async def test_it_ends_after_the_job_at_hand(requests: Database, database: Database) -> None:
    stop = asyncio.Event()

    async def told_to_stop(session: AsyncSession, job: Job) -> None:
        stop.set()
        await asyncio.sleep(0.05)
        await _effect(session, job)

    async with requests.transaction(PUBLIC) as session:
        for key in ("first", "second"):
            await ask(session, "count", key=key, about=ABOUT)
    await asyncio.wait_for(Worker(database, {"count": told_to_stop}).run(stop), 5)
    assert await _effects(database) == 1
