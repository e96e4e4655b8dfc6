"""The expert pool's SQL."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.identity import Person
from app.models.reviews import Expert

ORDER = Order((Person.name.expression, Expert.person_id.expression))


def listed(*, active: bool | None) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = select(
        Expert.person_id,
        Person.name,
        Expert.specialties,
        Expert.active,
        Expert.term_ends_on,
        Expert.version,
        Expert.created_at,
        Expert.updated_at,
    ).join(Person, Person.id == Expert.person_id)
    return statement if active is None else statement.where(Expert.active.is_(active))


async def shown(session: AsyncSession, person_id: UUID) -> Row[*tuple[Any, ...]]:
    return (await session.execute(listed(active=None).where(Expert.person_id == person_id))).one()


async def one(session: AsyncSession, person_id: UUID, *, lock: bool = False) -> Expert | None:
    return await (db.locked(session, Expert, person_id) if lock else session.get(Expert, person_id))


async def person_exists(session: AsyncSession, person_id: UUID) -> bool:
    return await session.scalar(select(Person.id).where(Person.id == person_id)) is not None


async def is_expert(session: AsyncSession, person_id: UUID) -> bool:
    """Whether the person holds an active grant as expert; the office reads no grants itself."""
    return bool(await session.scalar(text("SELECT gate.is_expert(:person)"), {"person": person_id}))
