"""After a push, a proposal or a decision: the worker looks over all rows, as no request may."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource
from app.core.db import ids_of
from app.core.jobs import ask
from app.models.jobs import Job
from app.projects.sources import finding

IN_RUN, OF_PROJECTS, OWNERSHIP = "projects.match_run", "projects.match", "projects.ownership"


async def match_run(session: AsyncSession, job: Job) -> None:
    run = UUID(job.payload["resource_id"])
    changed = await finding.changed_in(session, run)
    if changed:
        await finding.find(session, changed, run)
        await finding.settle_ownership(session, changed)


async def match(session: AsyncSession, job: Job) -> None:
    """Of an event's project, or of those that an act names."""
    ids = [UUID(key) for key in job.payload.get("project_ids", [job.payload.get("resource_id")])]
    await finding.find(session, ids, None)
    await finding.settle_ownership(session, ids)


async def ownership(session: AsyncSession, _job: Job) -> None:
    await finding.settle_ownership(session, None)


async def look_again(session: AsyncSession, *project_ids: UUID) -> None:
    """Ask for these projects' pairs and owned members; the answer does not wait for it."""
    payload = {"project_ids": [str(key) for key in project_ids]}
    key = f"{OF_PROJECTS}:{ids_of(session).random()}"
    await ask(session, OF_PROJECTS, key=key, about=Resource("project", None), payload=payload)


async def settle_all(session: AsyncSession, version: int) -> None:
    await ask(session, OWNERSHIP, key=f"{OWNERSHIP}:{version}", about=Resource("field_ownership", None))


HANDLERS = {IN_RUN: match_run, OF_PROJECTS: match, OWNERSHIP: ownership}
# A push tells of itself once, whatever the count of its rows.
SUBSCRIBERS = {
    "imports.push": (IN_RUN,),
    "projects.propose": (OF_PROJECTS,),
    "projects.re-enter": (OF_PROJECTS,),
    "projects.accept-change": (OF_PROJECTS,),
}
