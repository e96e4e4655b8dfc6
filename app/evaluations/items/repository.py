"""Items' SQL: rows of the working copy. What was sent stands in the version itself."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.evaluations import EvaluationItem


async def one(
    session: AsyncSession, evaluation_id: UUID, item_id: UUID, *, lock: bool = False
) -> EvaluationItem | None:
    statement = select(EvaluationItem).where(
        EvaluationItem.id == item_id, EvaluationItem.evaluation_id == evaluation_id
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return await session.scalar(statement)
