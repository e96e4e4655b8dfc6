"""What the worker does when the library changes under a recusal from an organisation or a project (Art. 11).

The office's admission extends the recusal to the region, whose library now holds it. A change by the region itself
bars nobody, or a region could rid itself of a reviewer by naming an investor: it opens a decision instead.
"""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.registry import lock
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.models.declarations import Initiator, Recusal, RecusalState
from app.models.jobs import Job
from app.models.projects import Membership, Project
from app.models.walls import Wall

_LIVE = (RecusalState.PROVISIONAL, RecusalState.IN_FORCE)
# Of the reference data: 本人或本单位项目在该地区项目库.
_RELATION = "own_project"


async def reach(session: AsyncSession, job: Job) -> None:
    """The project was admitted: who is recused from it, or from its investor, is barred from its region too."""
    project = await _member(session, job)
    if project is None:
        return
    now, wall = clock_of(session).now(), f"region:{project.region_code}"
    for person in await _people(session, _of(project), wall):
        await lock(session, person)
        mine = select(Recusal).where(Recusal.person_id == person, _of(project), ~Recusal.reaches.contains([wall]))
        for recusal in await session.scalars(mine.order_by(Recusal.id).with_for_update()):
            recusal.reaches = sorted([*recusal.reaches, wall])
            await session.flush()
            about = Resource("recusal", recusal.id, region_code=project.region_code)
            await record(session, "recusals.reach", about, changes={"project_id": str(project.id)})
        await session.execute(text("SELECT gate.protect(:person, :at)"), {"person": person, "at": now})


async def examine(session: AsyncSession, job: Job) -> None:
    """A member of the library was changed, or pushed: what that would reach waits for a decision, once."""
    project = await _member(session, job)
    if project is None:
        return
    now, wall = clock_of(session).now(), f"region:{project.region_code}"
    for person in await _people(session, _of(project), wall):
        await lock(session, person)
        asked = select(Recusal.id).where(
            Recusal.person_id == person,
            Recusal.region_code == project.region_code,
            Recusal.initiator == Initiator.DETECTED,
        )
        barred = select(Wall.subject).where(Wall.person_id == person, Wall.subject == wall)
        if await session.scalar(asked.limit(1)) or await session.scalar(barred):
            continue
        recusal = Recusal(
            id=ids_of(session).random(),
            person_id=person,
            region_code=project.region_code,
            reaches=[],
            initiator=Initiator.DETECTED,
            initiated_by=None,
            relation_code=_RELATION,
            statement=f"项目库变更涉及已回避对象 / The library now names what the person is recused from: {project.id}",
            state=RecusalState.PENDING,
            declared_at=now,
        )
        session.add(recusal)
        await session.flush()
        about = Resource("recusal", recusal.id, region_code=project.region_code)
        await record(session, "recusals.detect", about, changes={"project_id": str(project.id)})


async def _member(session: AsyncSession, job: Job) -> Project | None:
    project = await session.get(Project, UUID(job.payload["resource_id"]))
    return project if project is not None and project.membership == Membership.IN_LIBRARY else None


def _of(project: Project) -> ColumnElement[bool]:
    """Recusals from the project or its investor that bar somebody."""
    named = [Recusal.project_id == project.id]
    if project.organisation_id is not None:
        named.append(Recusal.organisation_id == project.organisation_id)
    return or_(*named) & Recusal.state.in_(_LIVE)


async def _people(session: AsyncSession, live: ColumnElement[bool], wall: str) -> Sequence[UUID]:
    """In the order in which the gate locks people."""
    people = select(Recusal.person_id).where(live, ~Recusal.reaches.contains([wall])).group_by(Recusal.person_id)
    return (await session.scalars(people.order_by(func.gate.lock_key(Recusal.person_id)))).all()


HANDLERS = {"recusals.reach": reach, "recusals.examine": examine}
SUBSCRIBERS = {
    "projects.admit": ("recusals.reach",),
    "projects.create": ("recusals.examine",),
    "projects.update": ("recusals.examine",),
}
