"""Cycles' SQL."""

from uuid import UUID

from sqlalchemy import Select, exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.evaluations import (
    AppraisalFile,
    Evaluation,
    EvaluationCycle,
    EvaluationScheme,
    EvaluationState,
    FileState,
)

ORDER = Order((EvaluationCycle.assessment_year.expression, EvaluationCycle.id.expression), descending=True)

_HOLD = {
    share: text(f"SELECT pg_advisory_xact_lock{kind}(hashtextextended('evaluation-cycle:' || :id, 0))")
    for share, kind in ((False, ""), (True, "_shared"))
}


def listed() -> Select[EvaluationCycle]:
    return select(EvaluationCycle)


async def has_unapproved(session: AsyncSession, cycle_id: UUID) -> bool:
    """Whether a file of the cycle is not approved, as far as the caller sees the cycle's files."""
    unapproved = exists().where(AppraisalFile.cycle_id == cycle_id, AppraisalFile.state != FileState.APPROVED)
    return bool(await session.scalar(select(unapproved)))


async def one(session: AsyncSession, cycle_id: UUID) -> EvaluationCycle | None:
    return await session.get(EvaluationCycle, cycle_id)


async def locked(session: AsyncSession, cycle_id: UUID) -> EvaluationCycle | None:
    """Alone, but for rows that come to refer to it: their foreign keys are checked under a lock that must not wait
    for this one, for who writes them holds the phase."""
    return await db.locked(session, EvaluationCycle, cycle_id, key_share=True)


async def hold_phase(session: AsyncSession, cycle_id: UUID, *, share: bool = True) -> EvaluationCycle | None:
    """The cycle with a phase that stays while this transaction lasts. Regions may not lock the row itself."""
    await session.execute(_HOLD[share], {"id": str(cycle_id)})
    return await session.get(EvaluationCycle, cycle_id, populate_existing=True)


async def has_undecided(session: AsyncSession, cycle_id: UUID) -> bool:
    """Whether a region's self-evaluation was sent and not answered. Dossiers are not walled: nobody is told more."""
    waiting = exists().where(Evaluation.cycle_id == cycle_id, Evaluation.state == EvaluationState.SUBMITTED)
    return bool(await session.scalar(select(waiting)))


async def scheme(session: AsyncSession, scheme_id: UUID) -> EvaluationScheme | None:
    return await session.get(EvaluationScheme, scheme_id)
