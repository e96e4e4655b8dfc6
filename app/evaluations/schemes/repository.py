"""Schemes' SQL: reference data, everybody's to read."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.evaluations import EvaluationScheme

ORDER = Order(
    (EvaluationScheme.code.expression, EvaluationScheme.version.expression, EvaluationScheme.id.expression),
    descending=True,
)


def listed() -> Select[EvaluationScheme]:
    return select(EvaluationScheme)


async def one(session: AsyncSession, scheme_id: UUID) -> EvaluationScheme | None:
    return await session.get(EvaluationScheme, scheme_id)
