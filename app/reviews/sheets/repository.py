"""Score sheets' SQL."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.reviews import ScoreSheet


async def of_assignment(session: AsyncSession, assignment_id: UUID, *, lock: bool = False) -> ScoreSheet | None:
    statement = select(ScoreSheet).where(ScoreSheet.assignment_id == assignment_id)
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(statement)
