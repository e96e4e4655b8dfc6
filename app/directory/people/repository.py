"""People's and employments' SQL."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.directory.people.schemas import UnitOut
from app.models.directory import Organisation, Region
from app.models.identity import Employment, Person

ORDER = Order((Person.name.expression, Person.id.expression))
EMPLOYMENT_ORDER = Order((Employment.starts_on.expression, Employment.id.expression), descending=True)


def current(today: date) -> ColumnElement[bool]:
    return (Employment.starts_on <= today) & or_(Employment.ends_on.is_(None), Employment.ends_on >= today)


def listed(*, organisation_id: UUID | None, region_code: str | None, today: date) -> Select[Person]:
    if organisation_id is None and region_code is None:
        return select(Person)
    here = exists().where(Employment.person_id == Person.id, current(today))
    if organisation_id is not None:
        here = here.where(Employment.organisation_id == organisation_id)
    if region_code is not None:
        here = here.where(Employment.posted_region == region_code)
    return select(Person).where(here)


async def units(session: AsyncSession, people: Sequence[UUID], today: date) -> dict[UUID, list[UnitOut]]:
    """The present units of these people, in one query."""
    rows = await session.execute(
        select(
            Employment.person_id,
            Employment.organisation_id,
            Organisation.name.label("organisation_name"),
            Employment.kind,
            Employment.posted_region,
            Employment.position,
        )
        .join(Organisation, Organisation.id == Employment.organisation_id)
        .where(Employment.person_id.in_(people), current(today))
        .order_by(Employment.starts_on, Employment.id)
    )
    found: dict[UUID, list[UnitOut]] = defaultdict(list)
    for row in rows:
        found[row.person_id].append(UnitOut.model_validate(row))
    return found


async def one(session: AsyncSession, person_id: UUID, *, lock: bool = False) -> Person | None:
    return await (db.locked(session, Person, person_id) if lock else session.get(Person, person_id))


def employments(person_id: UUID, *, current_on: date | None) -> Select[Employment]:
    """All of the person's employments, or only those that stand on a day."""
    statement = select(Employment).where(Employment.person_id == person_id)
    return statement if current_on is None else statement.where(current(current_on))


async def employment(
    session: AsyncSession, person_id: UUID, employment_id: UUID, *, current_on: date | None, lock: bool = False
) -> Employment | None:
    statement = employments(person_id, current_on=current_on).where(Employment.id == employment_id)
    return await session.scalar(statement.with_for_update() if lock else statement)


async def holds_open(session: AsyncSession, person_id: UUID, organisation_id: UUID, kind: str) -> bool:
    """Whether the person has an employment of this kind there that has no end yet."""
    found = await session.scalar(
        select(
            exists().where(
                Employment.person_id == person_id,
                Employment.organisation_id == organisation_id,
                Employment.kind == kind,
                Employment.ends_on.is_(None),
            )
        )
    )
    return bool(found)


async def knows(session: AsyncSession, *, organisation_id: UUID | None, region_code: str | None) -> tuple[bool, bool]:
    """Whether organisation and region exist; what is not named counts as existing."""
    organisation = organisation_id is None or await session.get(Organisation, organisation_id) is not None
    region = region_code is None or await session.get(Region, region_code) is not None
    return organisation, region
