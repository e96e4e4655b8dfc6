"""Bodies of processes that a test starts and kills: a server, and a worker whose one job leaves a countable effect.

They are forked from a process that has imported this module, so that a killed one is back within milliseconds.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uvicorn
from sqlalchemy.ext.asyncio import AsyncSession

from app import local, worker
from app.core.audit import Resource, audit
from app.core.config import Settings
from app.core.db import Database
from app.main import create_api, running
from app.models.jobs import Job
from tests.ground import FrozenClock, edge_of

KIND, EVENT = "tests.count", "organisations.create"
API = create_api(Settings(log_level="CRITICAL"))
uvicorn.Config(API).load()  # imports what a server needs


async def count(session: AsyncSession, job: Job) -> None:
    """Takes long enough to be killed in the middle, after its effect is written and before it counts."""
    await audit(session, "effect", Resource("test", UUID(job.payload["resource_id"])), outcome="done")
    await asyncio.sleep(0.04)


def serve(settings: Settings, port: int) -> None:
    async def body() -> None:
        # The clock of the tests: the tokens that they issue are of its time.
        async with running(API, settings, clock=FrozenClock()):
            config = uvicorn.Config(edge_of(API), port=port, log_level="critical", access_log=False, lifespan="off")
            await uvicorn.Server(config).serve()

    asyncio.run(body())


def work(settings: Settings) -> None:
    worker.HANDLERS[KIND] = count
    worker.SUBSCRIBERS[EVENT] = (KIND,)
    # A killed worker's job waits for the end of its lease; the test cannot wait a minute.
    worker.LEASE = timedelta(seconds=1)
    local.work(settings)


class _Going(FrozenClock):
    """The later of the two times: jobs are asked for in the tests' time, and by the database in its own."""

    def now(self) -> datetime:
        return max(datetime.now(UTC), self.time)


def work_for_tests(settings: Settings) -> None:
    """A worker that hardly waits: for what is due, and after a job that was overtaken."""
    worker._IDLE_SECONDS = 0.02
    worker._BACK_OFF = timedelta(milliseconds=50)
    worker.MAX_ATTEMPTS = 20

    async def body() -> None:
        database = Database(settings.worker_url, clock=_Going(), pool_size=3)
        requests = Database(settings.app_url, clock=_Going(), pool_size=2)
        hands = (worker.HANDLERS, worker.SUBSCRIBERS, worker.ERRANDS, worker.ABANDONED)
        await worker.Worker(database, *hands, requests).run(asyncio.Event())

    asyncio.run(body())
