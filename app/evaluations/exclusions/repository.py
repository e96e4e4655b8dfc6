"""Excluded names' SQL. The row policy shows them to the region's own staff and to deciders who are not recused."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.declarations import ExclusionName


async def named(session: AsyncSession, evaluation_id: UUID) -> Sequence[ExclusionName]:
    statement = select(ExclusionName).where(ExclusionName.evaluation_id == evaluation_id)
    return (await session.scalars(statement.order_by(ExclusionName.position))).all()


async def clear(session: AsyncSession, evaluation_id: UUID) -> None:
    await session.execute(delete(ExclusionName).where(ExclusionName.evaluation_id == evaluation_id))
