"""A receipt as a file: what was sent, read again beside its receipt rows, page by page."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from itertools import islice
from tempfile import SpooledTemporaryFile
from typing import IO, BinaryIO, cast

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import clock_of
from app.core.documents.xlsx import Book
from app.core.errors import FieldError, Invalid
from app.imports import reading, receipts, repository, service
from app.imports.history.rules import MEMBERS, SCOPES, SOURCE_TITLE, Kind
from app.imports.reading import Line, Lists
from app.imports.receipts import Original
from app.imports.schemas import RowAction
from app.models.imports import ImportRow, ImportRun

MOST_IN_WORKBOOK = 50_000
_IN_MEMORY = 4 * 1024 * 1024

Pairs = list[tuple[Line, ImportRow]]


async def csv_file(session: AsyncSession, run: ImportRun, action: RowAction | None, language: str) -> IO[bytes]:
    """At its start."""
    original, lists = await _original(session, run)
    file = cast("BinaryIO", SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - who sends it closes it
    file.write(receipts.csv_head(original, language))
    async for pairs in _pages(session, run, action):
        file.write(await asyncio.to_thread(receipts.csv_rows, original, pairs, lists, language))
    file.seek(0)
    return file


async def xlsx_file(session: AsyncSession, run: ImportRun, action: RowAction | None, language: str) -> IO[bytes]:
    """At its start. Raises `Invalid` for more rows than a workbook is good for."""
    count = run.total if action is None else getattr(run, action.value)
    if count > MOST_IN_WORKBOOK:
        raise Invalid(FieldError("", "export_too_large"))
    original, lists = await _original(session, run)
    book = Book(clock_of(session).now())
    try:
        sheet = receipts.begin_sheet(book, original, language)
        async for pairs in _pages(session, run, action):
            await asyncio.to_thread(receipts.fill_sheet, sheet, original, pairs, lists, language)
        return await asyncio.to_thread(book.save)
    except BaseException:
        book.drop()
        raise


async def _original(session: AsyncSession, run: ImportRun) -> tuple[Original, Lists]:
    lists = await repository.lists(session)
    if run.kind in SCOPES:
        return Original.members(MEMBERS[Kind(run.kind)] | {"source": SOURCE_TITLE}), lists
    async with repository.body(session, run) as body:
        titles = await asyncio.to_thread(reading.titles, body, run.content_type, lists)
        if titles is not None:
            return Original.table(titles), lists
        with closing(reading.read(body, run.content_type, lists)) as lines:
            return await asyncio.to_thread(Original.documents, lines, lists), lists


async def _pages(session: AsyncSession, run: ImportRun, action: RowAction | None) -> AsyncIterator[Pairs]:
    """Each row of the receipt with its line of the body; both come in the order of the input."""
    async with service.lines_of(session, run) as lines:
        async for rows in repository.pages_of_rows(session, run.id, action):
            yield await asyncio.to_thread(_paired, lines, rows)


def _paired(lines: Iterator[tuple[int, Line]], rows: list[ImportRow]) -> Pairs:
    pairs: Pairs = []
    for row in rows:
        # Rows that are not asked for are passed over.
        [line] = islice((line for place, line in lines if place == row.source_index), 1)
        pairs.append((line, row))
    return pairs
