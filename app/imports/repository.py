"""Import runs' SQL."""

import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast
from uuid import UUID

from sqlalchemy import Select, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import clock_of
from app.core.pagination import Order
from app.imports.reading import AT_ONCE, Lists
from app.imports.rules import Vocabulary, vocabulary
from app.imports.schemas import ImportFilters
from app.models.directory import ConversionMode, FundingSource, Region
from app.models.imports import ImportBody, ImportProgress, ImportRow, ImportRun
from app.projects.bulk import driver_of, statement

ROW_ORDER = Order((ImportRow.index.expression,))
RUN_ORDER = Order((ImportRun.started_at.expression, ImportRun.id.expression), descending=True)
_PIECE = 1024 * 1024


async def run(session: AsyncSession, run_id: UUID) -> ImportRun | None:
    return await session.get(ImportRun, run_id)


def runs(filters: ImportFilters) -> Select[ImportRun]:
    statement = select(ImportRun)
    for name in ("state", "outcome", "source_system"):
        value = getattr(filters, name)
        if value is not None:
            statement = statement.where(getattr(ImportRun, name) == value)
    return statement


def rows(run_id: UUID, action: str | None = None) -> Select[ImportRow]:
    statement = select(ImportRow).where(ImportRow.run_id == run_id)
    return statement if action is None else statement.where(ImportRow.action == action)


async def shown_rows(session: AsyncSession, run: ImportRun) -> list[ImportRow] | None:
    """All rows of a receipt, or None where they are too many to be shown at once."""
    if run.total > AT_ONCE:
        return None
    return list(await session.scalars(rows(run.id).order_by(ImportRow.index)))


async def pages_of_rows(session: AsyncSession, run_id: UUID, action: str | None) -> AsyncIterator[list[ImportRow]]:
    """A receipt's rows in their order; none of them stays in the session."""
    after = -1
    while page := list(
        await session.scalars(rows(run_id, action).where(ImportRow.index > after).order_by(ImportRow.index).limit(2000))
    ):
        for row in page:
            session.expunge(row)
        yield page
        after = page[-1].index


async def refused_places(session: AsyncSession, run_id: UUID) -> list[int]:
    """Where in the body the rows stand that were not applied."""
    wanted = rows(run_id).where(ImportRow.action.in_(("rejected", "not_applied"))).order_by(ImportRow.index)
    return list(await session.scalars(wanted.with_only_columns(ImportRow.source_index)))


async def spoken(session: AsyncSession, regions: list[str]) -> Vocabulary:
    """What a row may name, from the reference data; of these regions those that exist."""
    modes = (await session.execute(select(ConversionMode.code, ConversionMode.name_zh))).all()
    sources = (await session.execute(select(FundingSource.code, FundingSource.name_zh))).all()
    existing = await session.scalars(select(Region.code).where(Region.code.in_(regions)))
    return vocabulary(modes, sources, existing)


async def keep_body(session: AsyncSession, run_id: UUID, body: BinaryIO) -> None:
    for number, piece in enumerate(_pieces(body)):
        await session.execute(
            insert(ImportBody).values(run_id=run_id, number=number, content=zlib.compress(piece, level=1))
        )


def _pieces(body: BinaryIO) -> Iterator[bytes]:
    body.seek(0)
    while piece := body.read(_PIECE):
        yield piece


@asynccontextmanager
async def body(session: AsyncSession, run: ImportRun) -> AsyncIterator[BinaryIO]:
    """What was sent, in a file; memory does not grow with it."""
    with SpooledTemporaryFile(max_size=8 * _PIECE) as file:
        number = 0
        kept = select(ImportBody.content)
        while piece := await session.scalar(kept.where(ImportBody.run_id == run.body_of, ImportBody.number == number)):
            file.write(zlib.decompress(piece))
            number += 1
        yield cast("BinaryIO", file)


async def assessed_regions(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(Region.code).where(Region.assessed).order_by(Region.code)))


async def progress(session: AsyncSession, run_id: UUID) -> ImportProgress | None:
    return await session.get(ImportProgress, run_id)


async def tell_progress(session: AsyncSession, run_id: UUID, count: int, step: str) -> bool:
    """Write how far the run is; gives whether it is told to stop."""
    told = await session.execute(
        text(
            "UPDATE import_progress SET rows_read = :count, step = :step WHERE run_id = :run "
            "RETURNING cancel_asked_at IS NOT NULL"
        ),
        {"run": run_id, "count": count, "step": step},
    )
    return bool(told.scalar())


async def ask_to_cancel(session: AsyncSession, run_id: UUID) -> None:
    row = await session.get(ImportProgress, run_id, with_for_update=True)
    if row is not None and row.cancel_asked_at is None:
        row.cancel_asked_at = clock_of(session).now()


async def rejected(session: AsyncSession) -> int:
    """How many of the staged rows will not do."""
    found = await session.scalar(
        text(
            "SELECT (SELECT count(*) FROM staged_rows WHERE broken IS NOT NULL) "
            "+ (SELECT count(*) FROM settled_rows WHERE action = 'rejected')"
        )
    )
    return int(found or 0)


# What a trial found outlives its rollback in a file.
_CARRIED = "index, id, action, changed, faults, withheld"


async def carry_out(session: AsyncSession) -> BinaryIO:
    driver = await driver_of(session)
    file = cast("BinaryIO", SpooledTemporaryFile(max_size=8 * _PIECE))  # noqa: SIM115 - `carry_in` closes it
    await driver.copy_from_query(f"SELECT {_CARRIED} FROM settled_rows", output=file, format="binary")  # noqa: S608
    file.seek(0)
    return file


async def carry_in(session: AsyncSession, file: BinaryIO) -> None:
    driver = await driver_of(session)
    with file:
        columns = _CARRIED.split(", ")
        await driver.copy_to_table("settled_rows", source=file, columns=columns, format="binary")


# A fault is spelled `pointer|code`, and a code has no bar.
_ERRORS = """(SELECT coalesce(jsonb_agg(jsonb_build_object(
        'pointer', left(f, -strpos(reverse(f), '|')), 'code', right(f, strpos(reverse(f), '|') - 1)) ORDER BY n), '[]')
    FROM unnest(coalesce(s.broken, t.faults)) WITH ORDINALITY AS u(f, n))"""
_RECEIPT = statement(
    f"""INSERT INTO import_rows (run_id, index, source_index, principal_id, external_id, region_code, project_id,
        action, changes, withheld, errors)
    SELECT :run, s.index, s.place, :actor, s.external_id, s.region_code,
        CASE WHEN t.action = 'created' AND (:refused OR :dry_run) THEN NULL ELSE t.id END,
        CASE WHEN s.broken IS NOT NULL OR t.action = 'rejected' THEN 'rejected'
            WHEN :refused THEN 'not_applied' ELSE t.action END,
        CASE WHEN t.action IN ('updated', 'proposed') AND NOT :refused THEN t.changed ELSE '{{}}' END,
        CASE WHEN :refused THEN '{{}}' ELSE coalesce(t.withheld, '{{}}') END,
        CASE WHEN s.broken IS NULL AND t.faults = '{{}}' THEN '[]' ELSE {_ERRORS} END
    FROM staged_rows AS s LEFT JOIN settled_rows AS t ON t.index = s.index"""  # noqa: S608 - constants
)


async def write_receipt(session: AsyncSession, run: ImportRun, *, refused: bool) -> None:
    told = {"run": run.id, "actor": run.principal_id, "refused": refused, "dry_run": run.dry_run}
    await session.execute(_RECEIPT, told)


async def counts(session: AsyncSession, run_id: UUID) -> dict[str, int]:
    found = await session.execute(
        select(ImportRow.action, func.count()).where(ImportRow.run_id == run_id).group_by(ImportRow.action)
    )
    return {row[0]: row[1] for row in found}


async def lists(session: AsyncSession) -> Lists:
    """The live lists that a table's titles and drop-downs are made of."""
    regions = select(Region.code, Region.name_zh).order_by(Region.code)
    modes = select(ConversionMode.code, ConversionMode.name_zh).order_by(ConversionMode.position, ConversionMode.code)
    sources = select(FundingSource.code, FundingSource.name_zh).order_by(FundingSource.position, FundingSource.code)
    found = []
    for wanted in (regions, modes, sources):
        found.append({row.code: row.name_zh for row in await session.execute(wanted)})
    return Lists(*found)
