"""Rounds' SQL."""

from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, any_, cast, exists, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.evaluations.files.rules import Gates
from app.models.cases import Case, CaseFile, CaseRound, CaseState
from app.models.reviews import Panel, SubjectOfReview
from app.reviews.rules import PanelState

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
    return await db.locked(session, CaseRound, round_id)


async def hold_phase(session: AsyncSession, round_id: UUID, *, share: bool = True) -> CaseRound | None:
    """The round with a phase that stays while this transaction lasts. Regions may not lock the row itself."""
    await session.execute(_HOLD[share], {"id": str(round_id)})
    return await session.get(CaseRound, round_id, populate_existing=True)


async def has_undecided(session: AsyncSession, round_id: UUID) -> bool:
    """Whether a recommended case is neither under review nor returned. Those that the caller is recused from are left
    out: their files are hidden, too. The worker, recused from nothing, counts them all.
    """
    walled = func.coalesce(func.gate.walls(), cast([], ARRAY(Text)), type_=ARRAY(Text))
    waiting = exists().where(
        Case.round_id == round_id,
        Case.state == CaseState.RECOMMENDED,
        ~exists().where(CaseFile.case_id == Case.id),
        ~or_(*((subject == any_(walled)) for subject in ("region:" + Case.region_code, "case:" + cast(Case.id, Text)))),
    )
    return bool(await session.scalar(select(waiting)))


async def in_the_way(session: AsyncSession, round_id: UUID) -> Gates:
    """What stands in the way of any file of the round that the session sees: for a request, of those that the caller
    is not recused from; for the worker, of all.
    """
    statement = (
        select(
            func.bool_or(CaseFile.stale),
            func.bool_or(CaseFile.blocked_quorum | (Panel.state == PanelState.BLOCKED_QUORUM)),
            func.bool_or(Panel.state != PanelState.COMPLETE),
            func.bool_or(func.gate.pending_on(CaseFile.region_code, CaseFile.case_id)),
        )
        .join(Panel, (Panel.subject_kind == SubjectOfReview.CASE) & (Panel.subject_id == CaseFile.case_id))
        .where(CaseFile.round_id == round_id)
    )
    stale, blocked, incomplete, pending = (await session.execute(statement)).one()
    return Gates(
        stale=bool(stale),
        blocked_quorum=bool(blocked),
        panel_complete=not incomplete,
        application_pending=bool(pending),
    )
