"""Issuing, extending and closing reporting tasks."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from app.core import errors as e
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of, league_today, walled_from
from app.core.errors import FieldError, Invalid
from app.core.workflow import IS_RECUSED
from app.models.tasks import ReportingTask
from app.tasks.reporting import repository
from app.tasks.reporting.rules import TaskState
from app.tasks.reporting.schemas import ExtensionIn, ReportingTaskIn, TaskLine


async def issue(session: AsyncSession, body: ReportingTaskIn, *, issuer: UUID) -> ReportingTask:
    """Raises `Invalid` for a region that is named twice or is not assessed."""
    assessed = await repository.assessed_regions(session)
    regions = assessed if body.regions is None else body.regions
    if faults := _region_faults("/regions", regions, assessed):
        raise Invalid(*faults)
    now = clock_of(session).now()
    stated = body.model_dump(exclude={"regions"})
    task = ReportingTask(
        id=ids_of(session).dossier(now), state=TaskState.OPEN, issued_by=issuer, issued_at=now, **stated
    )
    session.add(task)
    await session.flush()
    await repository.address(session, task.id, regions)
    changes = {**body.model_dump(mode="json"), "regions": regions}
    await record(session, "reporting_tasks.issue", Resource("reporting_task", task.id), changes=changes)
    return task


async def extend(session: AsyncSession, task: ReportingTask, body: ExtensionIn, *, by: UUID) -> ReportingTask:
    """All of the regions named, or none. Raises `Recused`, and `Invalid` for what is no extension."""
    if await walled_from(session, [f"region:{code}" for code in body.region_codes]):
        raise e.Recused(IS_RECUSED)
    due = {line.region_code: line.due_on for line in await lines(session, task)}
    faults = _region_faults("/region_codes", body.region_codes, list(due))
    if not faults and any(body.to <= due[code] for code in body.region_codes):
        faults = [FieldError("/to", "out_of_range")]
    if faults:
        raise Invalid(*faults)
    extended = await repository.extend(session, task.id, body.region_codes, to=body.to, reason=body.reason, by=by)
    if extended != len(body.region_codes):
        raise e.Recused(IS_RECUSED)
    flag_modified(task, "updated_at")  # the lines are part of what its version stands for
    await session.flush()
    for code in body.region_codes:  # one trace each: nothing about a region is filed under another
        resource = Resource("reporting_task", task.id, region_code=code)
        changes = {"due_on": [due[code].isoformat(), body.to.isoformat()]}
        await record(session, "reporting_tasks.extend", resource, changes=changes, reason=body.reason)
    return task


async def close(session: AsyncSession, task: ReportingTask) -> ReportingTask:
    """Nobody waits for it any more; how each region stood stays readable."""
    task.state = TaskState.CLOSED
    await session.flush()
    await record(session, "reporting_tasks.close", Resource("reporting_task", task.id))
    return task


async def lines(session: AsyncSession, task: ReportingTask) -> list[TaskLine]:
    """The task's lines as far as the caller sees them."""
    found = await repository.lines(session, [task.id], league_today(session))
    return found.get(task.id, [])


def _region_faults(pointer: str, named: list[str], known: list[str]) -> list[FieldError]:
    return [
        FieldError(f"{pointer}/{index}", "unknown_reference" if code not in known else "duplicate")
        for index, code in enumerate(named)
        if code not in known or code in named[:index]
    ]
