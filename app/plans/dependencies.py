"""Who may do what to which plan, before the payload is looked at.

| caller                                  | sees the plan | acts |
|-----------------------------------------|---------------|------|
| staff of the region                     | always        | as the workflow says |
| league office, committee, inspector     | once sent     | the office: file, return; recused: 403 |
| league departments                      | once sent     | –    |
| other regions, construction entities, … | 404           | –    |
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from app.auth.dependencies import AnyCaller, Session, acts, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.actions import insist, refusals
from app.core.etag import IfMatch
from app.core.routing import answers
from app.models.plans import Plan
from app.plans import repository, views
from app.plans.rules import WORKFLOW, judge_person

Reader = Annotated[Caller, requires("plans:read")]
Writer = Annotated[Caller, requires("plans:write")]
# For POSTs: these claim the Idempotency-Key.
Drafter = Annotated[Caller, acts("plans:write")]
Submitter = Annotated[Caller, acts("plans:submit")]
Signer = Annotated[Caller, acts("plans:sign")]
Filer = Annotated[Caller, acts("plans:file")]


@answers(e.NOT_FOUND)
async def visible_plan(session: Session, plan_id: UUID) -> Plan:
    plan = await repository.one(session, plan_id)
    if plan is None:
        raise e.NotFound
    return plan


VisiblePlan = Annotated[Plan, Depends(visible_plan)]


async def lock_for(session: Session, caller: Caller, plan: Plan, action: str, *, share: bool = False) -> Plan:
    """The plan under its lock, in a state in which the caller may do `action`.

    Who the caller is comes first: the wall hides the row from a recused officer's lock, and would make a 404
    of what must be a 403.
    """
    actor, scope = await views.actor_of(session, caller, plan), WORKFLOW.transitions[action].scope
    insist(judge_person(action, actor), scope)
    locked = await repository.locked(session, plan.id, share=share)
    if locked is None:
        raise e.NotFound
    insist(WORKFLOW.judge(action, locked.state, actor, await views.authors(session, locked, caller)), scope)
    return locked


class PlanFor:
    """The plan, locked for a transition: visible, the caller's to move, in the right state, as the caller saw it."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.problems = (e.NOT_FOUND, *refusals(WORKFLOW.transitions[action]))

    async def __call__(self, session: Session, caller: AnyCaller, plan: VisiblePlan, precondition: IfMatch) -> Plan:
        locked = await lock_for(session, caller, plan, self.action)
        precondition.check(locked.version)
        return locked


PlanToEdit = Annotated[Plan, Depends(PlanFor("edit"))]
PlanToSubmit = Annotated[Plan, Depends(PlanFor("submit"))]
PlanToSendBack = Annotated[Plan, Depends(PlanFor("send-back"))]
PlanToSign = Annotated[Plan, Depends(PlanFor("sign"))]
PlanToFile = Annotated[Plan, Depends(PlanFor("file"))]
PlanToReturn = Annotated[Plan, Depends(PlanFor("return"))]
PlanToAmend = Annotated[Plan, Depends(PlanFor("amend"))]
