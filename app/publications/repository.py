"""Publications' SQL. Everybody reads them."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.published import Publication

_KEYS = (Publication.published_at.expression, Publication.id.expression)
ORDERS = {"published_at": Order(_KEYS), "-published_at": Order(_KEYS, descending=True)}
# Never the bytes: a list of publications must not carry them all.
_METADATA = (
    Publication.id,
    Publication.kind,
    Publication.year,
    Publication.number,
    Publication.title,
    Publication.media_type,
    func.octet_length(Publication.content).label("size"),
    Publication.content_sha256,
    Publication.published_at,
)


def listed(*, kind: str | None, year: int | None) -> Select[*tuple[Any, ...]]:
    statement: Select[*tuple[Any, ...]] = select(*_METADATA)
    if kind is not None:
        statement = statement.where(Publication.kind == kind)
    if year is not None:
        statement = statement.where(Publication.year == year)
    return statement


async def metadata(session: AsyncSession, publication_id: UUID) -> Any:
    """Its row without the bytes, or None."""
    return (await session.execute(listed(kind=None, year=None).where(Publication.id == publication_id))).one_or_none()


async def one(session: AsyncSession, publication_id: UUID) -> Publication | None:
    return await session.get(Publication, publication_id)


async def next_number(session: AsyncSession, kind: str, year: int) -> int:
    latest = select(func.coalesce(func.max(Publication.number), 0)).where(
        Publication.kind == kind, Publication.year == year
    )
    return (await session.execute(latest)).scalar_one() + 1
