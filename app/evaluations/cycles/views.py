"""A cycle as one caller meets it."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.principal import Caller
from app.core.actions import shown
from app.core.workflow import Verdict
from app.evaluations.cycles import repository
from app.evaluations.cycles.rules import NOT_APPROVED, WORKFLOW
from app.evaluations.cycles.schemas import CycleOut, CycleSummary
from app.models.evaluations import EvaluationCycle


async def held_up(session: AsyncSession, cycle: EvaluationCycle, verdict: Verdict) -> Verdict:
    """What the caller may know of, and what is in the way of a publication. The worker looks at all of them."""
    if verdict.allowed and verdict.action == "publish" and await repository.has_unapproved(session, cycle.id):
        return Verdict(verdict.action, NOT_APPROVED)
    return verdict


async def show(session: AsyncSession, caller: Caller, cycle: EvaluationCycle) -> CycleOut:
    verdicts = WORKFLOW.verdicts(cycle.phase, caller.league_actor())
    return CycleOut(
        **CycleSummary.model_validate(cycle).model_dump(),
        allowed_actions=shown([await held_up(session, cycle, verdict) for verdict in verdicts]),
    )
