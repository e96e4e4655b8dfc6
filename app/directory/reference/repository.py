"""Reference data, as statements that a list pages through."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.directory import ConversionMode, FundingSource, Indicator, Region, Relation

REGION_ORDER = Order((Region.code.expression,))


def regions(*, assessed: bool | None) -> Select[Region]:
    statement = select(Region)
    return statement if assessed is None else statement.where(Region.assessed.is_(assessed))


async def region(session: AsyncSession, code: str) -> Region | None:
    return await session.get(Region, code)


Coded = type[ConversionMode] | type[FundingSource] | type[Indicator] | type[Relation]


def coded(model: Coded) -> tuple[Select[Any], Order]:
    """All rows of a code list, in its own order."""
    return select(model), Order((model.position.expression, model.code.expression))
