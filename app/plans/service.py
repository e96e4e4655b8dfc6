"""Use cases of the yearly plan (Art. 3). The plan that they take is locked and judged by `dependencies`."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.audit import Resource, record
from app.core.clock import LEAGUE_TIME
from app.core.db import clock_of, ids_of, walled_from
from app.core.errors import CONSTRAINT_REASONS, FieldError, Forbidden, Invalid, Reason
from app.core.workflow import OUTSIDE_GRANT, SAME_PERSON, WRONG_STATE, Actor, Verdict
from app.models.plans import Plan, PlanDraft, PlanFiling, PlanState, PlanVersion
from app.plans import repository, rules
from app.plans.items import repository as items
from app.plans.rules import WORKFLOW
from app.plans.schemas import (
    ContentSource,
    FilingInForce,
    PlanIn,
    PlanOut,
    PlanPatch,
    ReturnIn,
    SentVersion,
    SignatureIn,
)

CONSTRAINT_REASONS["uq_plans_region_code_year"] = Reason(
    "plan_exists", "该地区该年度的计划已存在", "The region has a plan for this year"
)


def is_own(caller: Caller, plan: Plan) -> bool:
    """Whether the caller is staff of the plan's region, and so reads the working copy."""
    return plan.region_code in caller.regions


async def actor_of(session: AsyncSession, caller: Caller, plan: Plan) -> Actor:
    recused = caller.is_league and await walled_from(session, [f"region:{plan.region_code}"])
    return caller.actor(plan.region_code, recused=recused)


async def verdict(session: AsyncSession, caller: Caller, plan: Plan, action: str) -> Verdict:
    return WORKFLOW.judge(
        action, plan.state, await actor_of(session, caller, plan), await _authors(session, plan, caller)
    )


async def verdict_of_person(session: AsyncSession, caller: Caller, plan: Plan, action: str) -> Verdict:
    """The verdict as far as it depends on who the caller is, whatever state the plan is in."""
    judged = WORKFLOW.judge(action, plan.state, await actor_of(session, caller, plan))
    return Verdict(action, None) if judged.refusal in {WRONG_STATE, SAME_PERSON} else judged


async def _authors(session: AsyncSession, plan: Plan, caller: Caller) -> dict[str, Any]:
    """Who did the earlier acts. Towards the office it is enough to have had a hand in any version."""
    if plan.state != PlanState.SUBMITTED:
        return {"submit": plan.submitted_by}
    submitted, signed = await repository.took_part(session, plan.id, caller.id)
    return {"submit": caller.id if submitted else None, "sign": caller.id if signed else None}
