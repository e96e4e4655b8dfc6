"""Rounds' SQL."""

from uuid import UUID

from sqlalchemy import Select, exists, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.cases import Case, CaseFile, CaseRound, CaseState

ORDER = Order((CaseRound.year.expression, CaseRound.id.expression), descending=True)

_HOLD = {
    share: text(f"SELECT pg_advisory_xact_lock{kind}(hashtextextended('case-round:' || :id, 0))")
    for share, kind in ((False, ""), (True, "_shared"))
}


def listed() -> Select[CaseRound]:
    return select(CaseRound)


async def one(session: AsyncSession, round_id: UUID) -> CaseRound | None:
    return await session.get(CaseRound, round_id)


async def locked(session: AsyncSession, round_id: UUID) -> CaseRound | None:
    return await session.get(CaseRound, round_id, with_for_update=True, populate_existing=True)


async def hold_phase(session: AsyncSession, round_id: UUID, *, share: bool = True) -> CaseRound | None:
    """The round with a phase that stays while this transaction lasts. Regions may not lock the row itself."""
    await session.execute(_HOLD[share], {"id": str(round_id)})
    return await session.get(CaseRound, round_id, populate_existing=True)


async def recommended_untouched(session: AsyncSession, round_id: UUID) -> list[UUID]:
    """Recommended cases without a file that the session sees. In a request this includes those whose file is hidden
    from the caller: ask `undecided_elsewhere` nothing, and let the worker look again."""
    waiting = select(Case.id).where(
        Case.round_id == round_id,
        Case.state == CaseState.RECOMMENDED,
        ~exists().where(CaseFile.case_id == Case.id),
    )
    return list(await session.scalars(waiting))
