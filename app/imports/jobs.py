"""Large pushes: done by the worker in one transaction, entered for who sent them, as if in their request."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import grants_of
from app.auth.scopes import ROLE_SCOPES
from app.core.audit import Resource, record
from app.core.db import Entry, clock_of, entered, locked
from app.core.errors import Busy, DomainError
from app.core.jobs import Databases
from app.imports import repository, rules, service
from app.models.imports import ImportRun
from app.models.jobs import Job

# One statement over a hundred thousand rows takes longer than any request may.
_PATIENCE = text("SET LOCAL statement_timeout = '15min'")
_EVERY = 2_000


class CancelledError(Exception):
    """Who pushed it asked to stop: nothing of it stands."""


async def run(databases: Databases, job: Job) -> None:
    """Do a queued run, once: who does it holds its row, and finds it ended where another did."""
    run_id = UUID(job.payload["run_id"])
    async with databases.worker.administration() as session:
        found = await session.get_one(ImportRun, run_id)
    entry = Entry("client" if found.principal_kind == "client" else "person", found.principal_id)

    async def watch(count: int, step: str) -> None:
        if count % _EVERY and step == "reading":
            return
        async with databases.worker.administration() as beside:
            if await repository.tell_progress(beside, run_id, count, step):
                raise CancelledError

    try:
        async with databases.requests.transaction(entry) as session:
            await session.execute(_PATIENCE)
            queued = await locked(session, ImportRun, run_id)
            if queued is None:
                return
            await watch(0, "reading")
            # As far as they may still: what was taken away meanwhile is a region that is not theirs.
            queued.regions = _still_theirs(session, queued)
            async with service.lines_of(session, queued) as lines:
                await service.execute(session, queued, lines, watch)
    except CancelledError:
        await _end(databases, run_id, "cancelled", None)
    except Busy:
        raise
    except DomainError as refused:
        await _end(databases, run_id, "failed", refused.errors[0].code if refused.errors else refused.type.code)


async def abandon(session: AsyncSession, job: Job) -> None:
    """It failed again and again, for no reason of the sender's."""
    await _close(session, UUID(job.payload["run_id"]), "failed", "internal_error")


def _still_theirs(session: AsyncSession, run: ImportRun) -> list[str]:
    now = entered(session)
    if run.principal_kind == "client":
        held: set[str | None] = (
            set(now.client.get("regions", ())) if rules.PUSH in now.client.get("scopes", ()) else set()
        )
    else:
        held = {grant.region_code for grant in grants_of(now) if rules.PUSH in ROLE_SCOPES[grant.role]}
    return [code for code in run.regions if code in held]


async def _end(databases: Databases, run_id: UUID, state: str, failure: str | None) -> None:
    async with databases.worker.administration() as session:
        await _close(session, run_id, state, failure)


async def _close(session: AsyncSession, run_id: UUID, state: str, failure: str | None) -> None:
    held = await locked(session, ImportRun, run_id)
    if held is None or held.state != "queued":
        return
    held.state, held.failure, held.finished_at = state, failure, clock_of(session).now()
    await session.flush()
    await record(session, f"imports.{state}", Resource("import_run", run_id), reason=failure)


ERRANDS = {service.JOB: run}
ABANDONED = {service.JOB: abandon}
