"""Grants' SQL."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.directory import Organisation, Region
from app.models.identity import Grant, GrantState, Role

ORDER = Order((Grant.granted_at.expression, Grant.id.expression), descending=True)


def listed(person_id: UUID, *, state: GrantState | None) -> Select[Grant]:
    statement = select(Grant).where(Grant.person_id == person_id)
    return statement if state is None else statement.where(Grant.state == state)


async def one(session: AsyncSession, person_id: UUID, grant_id: UUID, *, lock: bool = False) -> Grant | None:
    statement = select(Grant).where(Grant.id == grant_id, Grant.person_id == person_id)
    return await session.scalar(statement.with_for_update() if lock else statement)


async def held(session: AsyncSession, person_id: UUID) -> list[Role]:
    """The roles of every grant that is not ended. Read under the person's lock, so nobody adds one meanwhile."""
    found = await session.scalars(
        select(Grant.role).where(Grant.person_id == person_id, Grant.state != GrantState.ENDED)
    )
    return [Role(role) for role in found]


async def is_assessed_region(session: AsyncSession, code: str) -> bool:
    region = await session.get(Region, code)
    return region is not None and region.assessed


async def is_organisation(session: AsyncSession, organisation_id: UUID) -> bool:
    return await session.get(Organisation, organisation_id) is not None
