"""Import runs' SQL."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.imports.reading.columns import Lists
from app.imports.rules import Vocabulary, vocabulary
from app.models.directory import ConversionMode, FundingSource, Region
from app.models.imports import ImportRow, ImportRun

ROW_ORDER = Order((ImportRow.index.expression,))


async def run(session: AsyncSession, run_id: UUID) -> ImportRun | None:
    return await session.get(ImportRun, run_id)


def rows(run_id: UUID, action: str | None = None) -> Select[ImportRow]:
    statement = select(ImportRow).where(ImportRow.run_id == run_id)
    return statement if action is None else statement.where(ImportRow.action == action)


async def all_rows(session: AsyncSession, run_id: UUID) -> list[ImportRow]:
    return list(await session.scalars(rows(run_id).order_by(ImportRow.index)))


async def spoken(session: AsyncSession, regions: list[str]) -> Vocabulary:
    """What a row may name, from the reference data; of the client's regions those that exist."""
    modes = (await session.execute(select(ConversionMode.code, ConversionMode.name_zh))).all()
    sources = (await session.execute(select(FundingSource.code, FundingSource.name_zh))).all()
    existing = await session.scalars(select(Region.code).where(Region.code.in_(regions)))
    return vocabulary(modes, sources, existing)


async def lists(session: AsyncSession) -> Lists:
    """The live lists that a table's titles and drop-downs are made of."""
    regions = select(Region.code, Region.name_zh).order_by(Region.code)
    modes = select(ConversionMode.code, ConversionMode.name_zh).order_by(ConversionMode.position, ConversionMode.code)
    sources = select(FundingSource.code, FundingSource.name_zh).order_by(FundingSource.position, FundingSource.code)
    found = []
    for statement in (regions, modes, sources):
        found.append({row.code: row.name_zh for row in await session.execute(statement)})
    return Lists(*found)
