"""What the worker looks at again after a change (Art. 11).

What a region states by itself (whose project it is, who prepared its plan) bars nobody, or it could rid itself of a
reviewer by naming an investor or a preparer: a decision is opened instead, and attributed to whose act it was. What
the league's own offices change (which body stands under which) bars at once; of an admission see `gate.extend_reach`.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, or_, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.registry import lock
from app.core.audit import Resource, record
from app.core.db import clock_of, ids_of
from app.models.declarations import Initiator, Recusal, RecusalState
from app.models.identity import Employment
from app.models.jobs import Job
from app.models.machinery import AuditEntry
from app.models.plans import Plan, PlanVersion
from app.models.projects import Membership, Project, ProjectChange
from app.models.reviews import LIVE, Assignment
from app.models.walls import Wall


async def examine_project(session: AsyncSession, job: Job) -> None:
    """The library names another investor: who is recused from it, or sits on the region's panels and works
    for its investor."""
    project = await session.get(Project, UUID(job.payload["resource_id"]))
    if project is None or project.membership != Membership.IN_LIBRARY:
        return
    # Of a project without an investor nobody is an employee.
    theirs = Employment.organisation_id == project.organisation_id
    people = union(_recused_from(project), _seated(project.region_code, theirs))
    ground = _Ground("own_project", await _last_actor(session, project.id), {"project_id": str(project.id)})
    said = f"项目库变更涉及该人员的回避对象或单位 / The library now names what concerns this person: {project.id}"
    await _open_decisions(session, people, project.region_code, ground, said)


async def examine_plan(session: AsyncSession, job: Job) -> None:
    """A plan was filed: whoever sits on the region's panels and prepared it, or works where it was prepared."""
    plan_id = UUID(job.payload["resource_id"])
    versions = select(PlanVersion).where(PlanVersion.plan_id == plan_id).order_by(PlanVersion.number.desc())
    plan = await session.get(Plan, plan_id)
    filed = await session.scalar(versions.limit(1))
    if plan is None or filed is None:
        return
    named = {
        key: [UUID(q[key]) for q in filed.content["preparers"] if q.get(key)]
        for key in ("person_id", "organisation_id")
    }
    people = _seated(
        plan.region_code,
        Assignment.person_id.in_(named["person_id"]) | Employment.organisation_id.in_(named["organisation_id"]),
    )
    said = f"年度计划编制单位或人员涉及该人员 / The filed plan names this person or their employer: {plan_id}"
    ground = _Ground("prepared_it", filed.signed_by, {"plan_id": str(plan_id)})
    await _open_decisions(session, people, plan.region_code, ground, said)


async def examine_organisation(session: AsyncSession, job: Job) -> None:
    """A body changed, or came under another one: everybody tied to its tree who judges, or may judge, is looked at
    again, in the order in which the gate locks people. Until then the gate lets nothing be graded."""
    changed = {"organisation": UUID(job.payload["resource_id"])}
    acts = select(AuditEntry.actor_id).where(
        AuditEntry.resource_id == changed["organisation"], AuditEntry.action.startswith("organisations.")
    )
    act_of = await session.scalar(acts.order_by(AuditEntry.occurred_at.desc()).limit(1))
    tied = text("SELECT person FROM gate.tied_to(:organisation) AS person ORDER BY gate.lock_key(person)")
    for person in list(await session.scalars(tied, changed)):
        await lock(session, person)
        again = {"person": person, "act_of": act_of, "at": clock_of(session).now()}
        await session.execute(text("SELECT gate.recheck(:person, :act_of, :at)"), again)


@dataclass(frozen=True, slots=True)
class _Ground:
    """The relation, by whose act it came to be (a principal), and what the audit notes of it."""

    relation: str
    attributed_to: UUID | None
    noted: dict[str, str]


async def _last_actor(session: AsyncSession, project_id: UUID) -> UUID | None:
    history = select(ProjectChange.actor_id).where(ProjectChange.project_id == project_id)
    return await session.scalar(history.order_by(ProjectChange.version.desc()).limit(1))


async def _open_decisions(
    session: AsyncSession,
    people: Select[UUID] | CompoundSelect[UUID],
    region_code: str,
    ground: _Ground,
    statement: str,
) -> None:
    """A decision for each of them, once, in the order in which the gate locks people."""
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
        recusal = Recusal(
            id=ids_of(session).random(),
            person_id=person,
            region_code=region_code,
            reaches=[],
            initiator=Initiator.DETECTED,
            initiated_by=None,
            relation_code=ground.relation,
            statement=statement,
            attributed_to=ground.attributed_to,
            state=RecusalState.PENDING,
            declared_at=now,
        )
        session.add(recusal)
        await session.flush()
        about = Resource("recusal", recusal.id, region_code=region_code)
        await record(session, "recusals.detect", about, changes=ground.noted)


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


HANDLERS = {
    "recusals.examine_project": examine_project,
    "recusals.examine_plan": examine_plan,
    "recusals.examine_organisation": examine_organisation,
}
# A body that was just made has neither people nor projects: who and what comes to it is looked at then.
SUBSCRIBERS = {
    "organisations.update": ("recusals.examine_organisation",),
    "plans.file": ("recusals.examine_plan",),
}
