"""What the worker does when a region's own statement would bar somebody: whose project it is, who prepared its plan
(Art. 11).

It bars nobody, or a region could rid itself of a reviewer by naming an investor or a preparer: it opens a decision
instead. (The office's admission bars at once: `gate.extend_reach`.)
"""

from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.registry import lock
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.models.declarations import Initiator, Recusal, RecusalState
from app.models.identity import Employment
from app.models.jobs import Job
from app.models.plans import Plan, PlanVersion
from app.models.projects import Membership, Project
from app.models.reviews import LIVE, Assignment
from app.models.walls import Wall


async def examine_project(session: AsyncSession, job: Job) -> None:
    """A member of the library was changed, or pushed: who is recused from it, or sits on the region's panels and works
    for its investor."""
    project = await session.get(Project, UUID(job.payload["resource_id"]))
    if project is None or project.membership != Membership.IN_LIBRARY:
        return
    # Of a project without an investor nobody is an employee.
    theirs = Employment.organisation_id == project.organisation_id
    people = union(_recused_from(project), _seated(project.region_code, theirs))
    noted = {"project_id": str(project.id)}
    said = f"项目库变更涉及该人员的回避对象或单位 / The library now names what concerns this person: {project.id}"
    await _open_decisions(session, people, project.region_code, ("own_project", said), noted)


async def examine_plan(session: AsyncSession, job: Job) -> None:
    """A plan was filed: whoever sits on the region's panels and prepared it, or works where it was prepared."""
    plan_id = UUID(job.payload["resource_id"])
    content = select(PlanVersion.content).where(PlanVersion.plan_id == plan_id).order_by(PlanVersion.number.desc())
    plan = await session.get(Plan, plan_id)
    filed = await session.scalar(content.limit(1))
    if plan is None or filed is None:
        return
    named = {key: [UUID(q[key]) for q in filed["preparers"] if q.get(key)] for key in ("person_id", "organisation_id")}
    people = _seated(
        plan.region_code,
        Assignment.person_id.in_(named["person_id"]) | Employment.organisation_id.in_(named["organisation_id"]),
    )
    said = f"年度计划编制单位或人员涉及该人员 / The filed plan names this person or their employer: {plan_id}"
    await _open_decisions(session, people, plan.region_code, ("prepared_it", said), {"plan_id": str(plan_id)})


async def _open_decisions(
    session: AsyncSession,
    people: Select[UUID] | CompoundSelect[UUID],
    region_code: str,
    ground: tuple[str, str],
    noted: dict[str, str],
) -> None:
    """A decision for each of them, once, in the order in which the gate locks people. `ground`: relation, statement."""
    found = people.subquery()
    now, wall = clock_of(session).now(), f"region:{region_code}"
    for person in await session.scalars(select(found.c[0]).order_by(func.gate.lock_key(found.c[0]))):
        await lock(session, person)
        asked = select(Recusal.id).where(
            Recusal.person_id == person, Recusal.region_code == region_code, Recusal.initiator == Initiator.DETECTED
        )
        barred = select(Wall.subject).where(Wall.person_id == person, Wall.subject == wall)
        if await session.scalar(asked.limit(1)) or await session.scalar(barred):
            continue
        relation, statement = ground
        recusal = Recusal(
            id=ids_of(session).random(),
            person_id=person,
            region_code=region_code,
            reaches=[],
            initiator=Initiator.DETECTED,
            initiated_by=None,
            relation_code=relation,
            statement=statement,
            state=RecusalState.PENDING,
            declared_at=now,
        )
        session.add(recusal)
        await session.flush()
        about = Resource("recusal", recusal.id, region_code=region_code)
        await record(session, "recusals.detect", about, changes=noted)


def _recused_from(project: Project) -> Select[UUID]:
    """By a recusal from the project or its investor that does not reach the region yet."""
    named = [Recusal.project_id == project.id]
    if project.organisation_id is not None:
        named.append(Recusal.organisation_id == project.organisation_id)
    live = Recusal.state.in_((RecusalState.PROVISIONAL, RecusalState.IN_FORCE))
    return select(Recusal.person_id).where(
        or_(*named), live, ~Recusal.reaches.contains([f"region:{project.region_code}"])
    )


def _seated(region_code: str, related: ColumnElement[bool]) -> Select[UUID]:
    return (
        select(Assignment.person_id)
        .outerjoin(Employment, Employment.person_id == Assignment.person_id)
        .where(Assignment.region_code == region_code, Assignment.state.in_(LIVE), related)
        .distinct()
    )


HANDLERS = {"recusals.examine_project": examine_project, "recusals.examine_plan": examine_plan}
SUBSCRIBERS = {
    "projects.create": ("recusals.examine_project",),
    "projects.update": ("recusals.examine_project",),
    "plans.file": ("recusals.examine_plan",),
}
