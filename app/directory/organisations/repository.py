"""Organisations' SQL."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.pagination import Order
from app.models.directory import Organisation

_TREE_LOCK = 7_204_813
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


_TREE = text(
    "WITH RECURSIVE above AS (SELECT id, parent_id, region_code FROM organisations WHERE id = ANY (:ids) UNION "
    "SELECT o.id, o.parent_id, o.region_code FROM organisations AS o JOIN above ON o.id = above.parent_id), "
    "below AS (SELECT id, region_code FROM organisations WHERE id = ANY (:ids) UNION "
    "SELECT o.id, o.region_code FROM organisations AS o JOIN below ON o.parent_id = below.id) "
    "SELECT id, region_code, true AS is_above FROM above UNION ALL SELECT id, region_code, false FROM below"
)


async def tree(session: AsyncSession, organisations: Iterable[UUID]) -> Sequence[Row[Any]]:
    """(id, region_code, is_above) of these, of those above them and of those below."""
    return (await session.execute(_TREE, {"ids": list(organisations)})).all()


async def hold_tree(session: AsyncSession) -> None:
    """One change of the tree at a time: two that cross would make a circle."""
    await session.execute(select(func.pg_advisory_xact_lock(_TREE_LOCK)))


async def one(session: AsyncSession, organisation_id: UUID, *, lock: bool = False) -> Organisation | None:
    return await (
        db.locked(session, Organisation, organisation_id) if lock else session.get(Organisation, organisation_id)
    )
