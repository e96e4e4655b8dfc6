"""Score sheets' SQL."""

from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import clock_of
from app.models.reviews import ScoreSheet, SheetState


async def of_assignment(session: AsyncSession, assignment_id: UUID, *, lock: bool = False) -> ScoreSheet | None:
    statement = select(ScoreSheet).where(ScoreSheet.assignment_id == assignment_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(statement)


async def void_draft(session: AsyncSession, assignment_id: UUID) -> None:
    """Whoever declines leaves no sheet behind that could count."""
    await session.execute(
        update(ScoreSheet)
        .where(ScoreSheet.assignment_id == assignment_id, ScoreSheet.state == SheetState.DRAFT)
        .values(state=SheetState.VOIDED, version=ScoreSheet.version + 1, updated_at=clock_of(session).now())
    )
