"""A plan as one caller meets it: which content is theirs to read, and what they may do with it."""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.db import walled_from
from app.core.workflow import Actor, Verdict
from app.models.plans import Plan, PlanState
from app.plans import repository
from app.plans.items import repository as items
from app.plans.rules import INCOMPLETE, TEXTS, WORKFLOW, missing_parts
from app.plans.schemas import ContentSource, FilingInForce, PlanOut, SentVersion


def reads_working_copy(caller: Caller, plan: Plan) -> bool:
    """The region's own staff; everybody else who sees the plan reads what was sent."""
    return plan.region_code in caller.regions


async def actor_of(session: AsyncSession, caller: Caller, plan: Plan) -> Actor:
    recused = caller.is_league and await walled_from(session, [f"region:{plan.region_code}"])
    return caller.actor(plan.region_code, recused=recused)


async def authors(session: AsyncSession, plan: Plan, caller: Caller) -> dict[str, UUID | None]:
    """Who did the earlier acts. Towards the office it is enough to have had a hand in any version."""
    if plan.state != PlanState.SUBMITTED:
        return {"submit": plan.submitted_by}
    submitted, signed = await repository.took_part(session, plan.id, caller.id)
    return {"submit": caller.id if submitted else None, "sign": caller.id if signed else None}


async def show(session: AsyncSession, caller: Caller, plan: Plan) -> PlanOut:
    content = await _working(session, plan) if reads_working_copy(caller, plan) else await _sent(session, plan)
    actor = await actor_of(session, caller, plan)
    verdicts = WORKFLOW.verdicts(plan.state, actor, await authors(session, plan, caller))
    if content["missing"]:
        verdicts = [Verdict(v.action, INCOMPLETE) if v.action == "submit" and v.allowed else v for v in verdicts]
    latest = await repository.latest_version(session, plan)
    filing = await repository.latest_filed(session, plan.id)
    return PlanOut(
        id=plan.id,
        region_code=plan.region_code,
        year=plan.year,
        state=PlanState(plan.state),
        latest=SentVersion.model_validate(latest) if latest else None,
        filing=FilingInForce.model_validate(filing) if filing else None,
        allowed_actions=shown(verdicts),
        version=plan.version,
        created_at=plan.created_at,
        updated_at=plan.updated_at,
        **content,
    )


async def _working(session: AsyncSession, plan: Plan) -> dict[str, Any]:
    draft = await repository.draft(session, plan.id)
    missing = missing_parts(draft.resource_assessment, await items.filled(session, plan.id))
    return {
        "content_source": ContentSource.WORKING,
        **{name: getattr(draft, name) for name in TEXTS},
        "amendment_reason": draft.amendment_reason,
        "send_back_reason": draft.send_back_reason,
        "submitted_by": plan.submitted_by,
        "submitted_at": plan.submitted_at,
        "missing": [part.pointer for part in missing],
    }


async def _sent(session: AsyncSession, plan: Plan) -> dict[str, Any]:
    version = await repository.latest_version(session, plan)
    # The row policy shows a plan that was never sent to the region's own staff only.
    assert version is not None  # noqa: S101
    return {
        "content_source": ContentSource.VERSION,
        **{name: version.content[name] for name in TEXTS},
        "amendment_reason": version.amendment_reason,
        "send_back_reason": None,
        "submitted_by": None,
        "submitted_at": None,
        "missing": None,
    }
