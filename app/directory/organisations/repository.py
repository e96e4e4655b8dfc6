"""Organisations' SQL."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.directory import Organisation

ORDER = Order((Organisation.name.expression, Organisation.id.expression))


def listed(*, region_code: str | None, kind: str | None, credit_code: str | None) -> Select[Organisation]:
    statement = select(Organisation)
    if region_code is not None:
        statement = statement.where(Organisation.region_code == region_code)
    if kind is not None:
        statement = statement.where(Organisation.kind == kind)
    if credit_code is not None:
        statement = statement.where(Organisation.credit_code == credit_code)
    return statement


async def one(session: AsyncSession, organisation_id: UUID, *, lock: bool = False) -> Organisation | None:
    return await (
        db.locked(session, Organisation, organisation_id) if lock else session.get(Organisation, organisation_id)
    )
