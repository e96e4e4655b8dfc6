"""Practice areas' SQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from app.core.pagination import Order
from app.models.directory import ConversionMode, Organisation, PracticeArea, PracticeAreaState, Region

ORDER = Order((PracticeArea.name.expression, PracticeArea.id.expression))


def listed(*, region_code: str | None, state: PracticeAreaState | None, mode_code: str | None) -> Select[PracticeArea]:
    """Without geometry: a list does not show it, and it is most of the row."""
    statement = select(PracticeArea).options(defer(PracticeArea.geometry), defer(PracticeArea.function))
    if region_code is not None:
        statement = statement.where(PracticeArea.region_code == region_code)
    if state is not None:
        statement = statement.where(PracticeArea.state == state)
    if mode_code is not None:
        statement = statement.where(PracticeArea.mode_code == mode_code)
    return statement


async def one(session: AsyncSession, area_id: UUID) -> PracticeArea | None:
    return await session.get(PracticeArea, area_id)


async def lock(session: AsyncSession, area: PracticeArea) -> None:
    """Read it again, locked. Only for who may change it: a wall hides the row from a lock."""
    await session.refresh(area, with_for_update=True)


async def knows_region(session: AsyncSession, code: str) -> bool:
    return await session.get(Region, code) is not None


async def knows_mode(session: AsyncSession, code: str) -> bool:
    return await session.get(ConversionMode, code) is not None


async def known_organisations(session: AsyncSession, ids: Sequence[UUID]) -> set[UUID]:
    return set(await session.scalars(select(Organisation.id).where(Organisation.id.in_(ids))))
