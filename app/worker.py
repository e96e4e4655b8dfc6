"""The worker: does jobs and delivers the outbox, each exactly once. The only user of the worker's session.

A job is claimed in one transaction (lease and fencing token) and done in another, in which its effects and
its end are written together: whoever lost the claim meanwhile changes no row at the end and rolls back. An
event becomes its subscribers' jobs, and has its place in the feed, in the transaction that marks it delivered, so that
work on it fails and is tried again apart from every other event.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from app.attachments import jobs as attachments
from app.cases import jobs as cases
from app.core.audit import Resource
from app.core.db import Database
from app.core.jobs import Asked, Databases, Errand, ask_each
from app.declarations import jobs as declarations
from app.evaluations import jobs as evaluations
from app.events.feed import repository as feed
from app.imports import jobs as imports
from app.models.jobs import Job
from app.projects.sources import jobs as sources
from app.reviews import jobs as reviews

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
_BACK_OFF = timedelta(seconds=5)
# By a fixed number of statements; between two such lots there is a job.
_EVENTS_AT_ONCE = 500
_IDLE_SECONDS = 0.5
_TROUBLED_SECONDS = 2.0

Handler = Callable[[AsyncSession, Job], Awaitable[None]]

# What the house does after its acts, by kind of job (`reviews.draw`): each feature's `jobs.py` holds the work, and
# this is the one place that names it.
HANDLERS: dict[str, Handler] = {
    **attachments.HANDLERS,
    **declarations.HANDLERS,
    **reviews.HANDLERS,
    **evaluations.HANDLERS,
    **cases.HANDLERS,
    **sources.HANDLERS,
}
# Of those, what opens its own transactions; and what is done where a job is given up for good.
ERRANDS: dict[str, Errand] = {**imports.ERRANDS}
ABANDONED: dict[str, Handler] = {**imports.ABANDONED}
# By type of event (`plans.file`): kinds of jobs that are asked for when one is delivered. Their payload is
# `event_id` and `resource_id`.
SUBSCRIBERS: dict[str, tuple[str, ...]] = {**declarations.SUBSCRIBERS, **sources.SUBSCRIBERS}
assert len(SUBSCRIBERS) == len(declarations.SUBSCRIBERS) + len(sources.SUBSCRIBERS), "one replaced another"  # noqa: S101


class UnknownKindError(Exception):
    """No handler has this name. Tried again like any failure: while a new version is rolled out, an old worker
    meets jobs that only the new one knows."""


class ClaimLostError(Exception):
    """Another worker holds the job now: what was done here must not count."""


@dataclass(slots=True)
class Worker:
    """`handlers`, `errands` and `abandoned` by kind of job, `subscribers` (kinds of jobs) by type of event.

    `requests`: the database by the requests' role, for errands, which act for whoever asked for them.
    """

    database: Database
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    subscribers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    errands: Mapping[str, Errand] = field(default_factory=dict)
    abandoned: Mapping[str, Handler] = field(default_factory=dict)
    requests: Database | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop, and then after the job at hand; a database that is away is waited for."""
        while not stop.is_set():
            pause = _IDLE_SECONDS
            try:
                if await self._deliver() + await self._work():
                    continue
            except (DBAPIError, PoolTimeoutError, OSError) as error:
                structlog.get_logger().warning("worker_waits_for_database", error=type(error).__name__)
                pause = _TROUBLED_SECONDS
            except Exception:
                structlog.get_logger().exception("worker_troubled")
                pause = _TROUBLED_SECONDS
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    async def drain(self) -> int:
        """Do all that is due now; how many events and jobs that were. For tests and for `make`."""
        total = 0
        while worked := await self._deliver() + await self._work():
            total += worked
        return total

    async def _deliver(self) -> int:
        async with self.database.administration() as session:
            # One at a time: the feed's positions follow on one another. Another worker does jobs meanwhile.
            if not await feed.is_sole_writer(session):
                return 0
            events = await feed.take(session, _EVENTS_AT_ONCE, self.database.clock.now())
            if events:
                await feed.number(session, [event.id for event in events])
            await ask_each(session, (asked for event in events for asked in self._asked_for(event)))
        return len(events)

    def _asked_for(self, event: Row[Any]) -> Iterator[Asked]:
        """The jobs of the event's subscribers."""
        for kind in self.subscribers.get(event.type, ()):
            about = Resource(
                event.resource_kind,
                event.resource_id,
                event.region_code,
                event.organisation_id,
                event.project_id,
                event.case_id,
            )
            payload = {"event_id": str(event.id), "resource_id": str(event.resource_id)}
            yield Asked(kind, f"{kind}:{event.id}", about, payload)

    async def _work(self) -> int:
        claimed = await self._claim()
        if claimed is None:
            return 0
        job, claim = claimed
        try:
            await self._do(job, claim)
        except ClaimLostError:
            structlog.get_logger().warning("job_claim_lost", job=str(job))
        except Exception as error:
            structlog.get_logger().exception("job_failed", job=str(job))
            await self._put_back(job, claim, error)
        return 1

    async def _claim(self) -> tuple[UUID, UUID] | None:
        now = self.database.clock.now()
        async with self.database.administration() as session:
            due = or_(Job.state == "queued", (Job.state == "claimed") & (Job.leased_until < now))
            statement = (
                select(Job)
                .where(due, Job.run_at <= now)
                .order_by(Job.run_at, Job.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            job = await session.scalar(statement)
            if job is None:
                return None
            if job.attempts < MAX_ATTEMPTS:
                claim = self.database.ids.random()
                job.state, job.claim, job.leased_until = "claimed", claim, now + LEASE
                job.attempts += 1
                return job.id, claim
            # Every worker that took it died of it, or at it.
            job.state, job.claim, job.leased_until, job.finished_at = "failed", None, None, now
            job.last_error = "WorkerLost"
            await self._abandon(session, job)
            structlog.get_logger().error("job_failed", job=str(job.id), kind=job.kind)
        return await self._claim()

    async def _do(self, job_id: UUID, claim: UUID) -> None:
        async with self.database.administration() as session:
            job = await session.get_one(Job, job_id)
            errand = self.errands.get(job.kind)
            if errand is None:
                handler = self.handlers.get(job.kind)
                if handler is None:
                    structlog.get_logger().error("job_kind_unknown", kind=job.kind)
                    raise UnknownKindError
                await handler(session, job)
                await self._end(session, job_id, claim)
        if errand is not None:
            assert self.requests is not None  # noqa: S101 - who has errands gives it
            keeping = asyncio.create_task(self._keep(job_id, claim))
            try:
                await errand(Databases(self.database, self.requests), job)
            finally:
                keeping.cancel()
            async with self.database.administration() as session:
                await self._end(session, job_id, claim)

    async def _end(self, session: AsyncSession, job_id: UUID, claim: UUID) -> None:
        done = update(Job).where(Job.id == job_id, Job.claim == claim)
        ended = await session.execute(
            done.values(state="done", claim=None, leased_until=None, finished_at=self.database.clock.now())
        )
        assert isinstance(ended, CursorResult)  # noqa: S101 - what an UPDATE gives
        if ended.rowcount != 1:
            raise ClaimLostError

    async def _keep(self, job_id: UUID, claim: UUID) -> None:
        """An errand may be longer than a lease: while it lives, the lease does."""
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            async with self.database.administration() as session:
                held = update(Job).where(Job.id == job_id, Job.claim == claim)
                await session.execute(held.values(leased_until=self.database.clock.now() + LEASE))

    async def _abandon(self, session: AsyncSession, job: Job) -> None:
        if (given_up := self.abandoned.get(job.kind)) is not None:
            await given_up(session, job)

    async def _put_back(self, job_id: UUID, claim: UUID, error: Exception) -> None:
        now = self.database.clock.now()
        async with self.database.administration() as session:
            job = await session.get_one(Job, job_id, with_for_update=True)
            if job.claim != claim:
                return
            job.claim = job.leased_until = None
            # The class only: a message may carry content of any class.
            job.last_error = type(error).__name__
            if job.attempts >= MAX_ATTEMPTS:
                job.state, job.finished_at = "failed", now
                await self._abandon(session, job)
            else:
                job.state, job.run_at = "queued", now + _BACK_OFF * 2 ** (job.attempts - 1)
