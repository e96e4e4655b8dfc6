"""The worker: does jobs and delivers the outbox, each exactly once. The only user of the worker's session.

A job is claimed in one transaction (lease and fencing token) and done in another, in which its effects and
its end are written together: whoever lost the claim meanwhile changes no row at the end and rolls back. An
event is handed to its subscribers in the transaction that marks it delivered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import or_, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database
from app.models.jobs import Job
from app.models.machinery import OutboxEvent

LEASE = timedelta(seconds=60)
MAX_ATTEMPTS = 8
_BACK_OFF = timedelta(seconds=5)
_EVENTS_AT_ONCE = 100
_IDLE_SECONDS = 0.5

Handler = Callable[[AsyncSession, Job], Awaitable[None]]
Subscriber = Callable[[AsyncSession, OutboxEvent], Awaitable[None]]


class ClaimLostError(Exception):
    """Another worker holds the job now: what was done here must not count."""


@dataclass(slots=True)
class Worker:
    """`handlers` by kind of job, `subscribers` by type of event (`plans.file`)."""

    database: Database
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    subscribers: Mapping[str, Sequence[Subscriber]] = field(default_factory=dict)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until told to stop; a database that is away is waited for."""
        while not stop.is_set():
            try:
                worked = await self._deliver() + await self._work()
            except (DBAPIError, OSError, TimeoutError):
                structlog.get_logger().warning("worker_waits_for_database")
                worked = 0
            if not worked:
                try:
                    await asyncio.wait_for(stop.wait(), _IDLE_SECONDS)
                except TimeoutError:
                    continue

    async def drain(self) -> int:
        """Do all that is due now; how many events and jobs that were. For tests and for `make`."""
        total = 0
        while worked := await self._deliver() + await self._work():
            total += worked
        return total

    async def _deliver(self) -> int:
        async with self.database.administration() as session:
            statement = (
                select(OutboxEvent)
                .where(OutboxEvent.delivered_at.is_(None))
                .order_by(OutboxEvent.occurred_at, OutboxEvent.id)
                .limit(_EVENTS_AT_ONCE)
                .with_for_update(skip_locked=True)
            )
            events = list(await session.scalars(statement))
            for event in events:
                for subscriber in self.subscribers.get(event.type, ()):
                    await subscriber(session, event)
                event.delivered_at = self.database.clock.now()
        return len(events)

    async def _work(self) -> int:
        claimed = await self._claim()
        if claimed is None:
            return 0
        job, claim = claimed
        try:
            await self._do(job, claim)
        except ClaimLostError:
            structlog.get_logger().warning("job_claim_lost", job=str(job), kind="lost")
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
            claim = self.database.ids.random()
            job.state, job.claim, job.leased_until = "claimed", claim, now + LEASE
            job.attempts += 1
            return job.id, claim

    async def _do(self, job_id: UUID, claim: UUID) -> None:
        async with self.database.administration() as session:
            job = await session.get_one(Job, job_id)
            await self.handlers[job.kind](session, job)
            done = update(Job).where(Job.id == job_id, Job.claim == claim)
            ended = await session.execute(
                done.values(state="done", claim=None, leased_until=None, finished_at=self.database.clock.now())
            )
            assert isinstance(ended, CursorResult)  # noqa: S101 - what an UPDATE gives
            if ended.rowcount != 1:
                raise ClaimLostError

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
            else:
                job.state, job.run_at = "queued", now + _BACK_OFF * 2 ** (job.attempts - 1)
