"""Reference data, as statements that a list pages through."""

from typing import Any

from sqlalchemy import Select, extract, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.directory import (
    CalendarDay,
    ConversionMode,
    FundingSource,
    Indicator,
    LegalBasis,
    Region,
    Relation,
    TimeLimit,
)

REGION_ORDER = Order((Region.code.expression,))
BASIS_ORDER = Order((LegalBasis.position.expression, LegalBasis.code.expression, LegalBasis.version.expression))
CALENDAR_ORDER = Order((CalendarDay.day.expression,))


def regions(*, assessed: bool | None) -> Select[Region]:
    statement = select(Region)
    return statement if assessed is None else statement.where(Region.assessed.is_(assessed))


async def region(session: AsyncSession, code: str) -> Region | None:
    return await session.get(Region, code)


Coded = type[ConversionMode] | type[FundingSource] | type[Indicator] | type[Relation] | type[TimeLimit]


def coded(model: Coded) -> tuple[Select[Any], Order]:
    """All rows of a code list, in its own order."""
    return select(model), Order((model.position.expression, model.code.expression))


def legal_bases() -> Select[LegalBasis]:
    return select(LegalBasis)


def calendar_days(*, year: int | None) -> Select[CalendarDay]:
    statement = select(CalendarDay)
    return statement if year is None else statement.where(extract("year", CalendarDay.day) == year)
