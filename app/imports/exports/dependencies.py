"""Exports as they are sent: page by page, each in a transaction of its own, so that a long download holds neither a
connection nor the whole library, and ends when the caller's rights change.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import Depends, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response, StreamingResponse

from app.attachments.content import disposition
from app.auth.dependencies import Session, database_of, requires
from app.auth.principal import Caller
from app.core import errors as e
from app.core.clock import league_date
from app.core.db import Entry, clock_of, entered
from app.core.documents import csv, xlsx
from app.core.documents.xlsx import Book, Sheet
from app.core.routing import sets
from app.imports import repository as imports
from app.imports import sheets
from app.imports.exports import repository, rules
from app.imports.exports.repository import PAGE, Exported, Place
from app.imports.files import file_response
from app.imports.reading import NDJSON
from app.imports.reading.columns import SHOWN, Column, FundingKey, Lists, all_columns, in_order
from app.imports.reading.workbook import MAX_ROWS
from app.imports.reading.xlsx import SHEET
from app.projects.schemas import ProjectNarrowing

Reader = Annotated[Caller, requires("projects:read")]
Narrowing = Annotated[ProjectNarrowing, Query()]
# A workbook of ours can be pushed again, and has a header.
MOST_IN_WORKBOOK = MAX_ROWS - 1


class Export:
    """Answers with the library. One per request."""

    def __init__(self, request: Request, session: AsyncSession, filters: ProjectNarrowing) -> None:
        self._request = request
        self._session = session
        self._filters = filters

    async def ndjson(self) -> Response:
        return await self._streamed(_document_line, b"", NDJSON, "ndjson")

    async def csv(self) -> Response:
        columns, lists = await self._columns()
        known = _known(columns)

        def line(one: Exported) -> bytes:
            return csv.line([*_cells(one, columns, known, lists)])

        titles = [column.heading for column in (*columns, *SHOWN)]
        return await self._streamed(line, csv.BOM + csv.line(titles), csv.MEDIA_TYPE, "csv")

    async def xlsx(self) -> Response:
        """Finished before it is sent. Raises `Invalid` for more projects than a workbook is read back with."""
        if await repository.count(self._session, self._filters) > MOST_IN_WORKBOOK:
            raise e.Invalid(e.FieldError("", "export_too_large"))
        columns, lists = await self._columns()
        known = _known(columns)
        book = Book(clock_of(self._session).now())
        try:
            sheet = book.sheet(SHEET)
            sheet.widths([column.width for column in (*columns, *SHOWN)])
            sheet.freeze(1, 2)
            sheet.heading([column.heading for column in (*columns, *SHOWN)])
            async for page in self._pages():
                cells = [_cells(one, columns, known, lists) for one in page]
                await asyncio.to_thread(_write, sheet, cells)
            file = await asyncio.to_thread(book.save)
        except BaseException:
            book.drop()
            raise
        return file_response(file, xlsx.MEDIA_TYPE, self._name("xlsx"))

    async def _columns(self) -> tuple[list[Column], Lists]:
        lists = await imports.lists(self._session)
        keys = await repository.funding_keys(self._session, self._filters)
        return all_columns(in_order(keys, lists), lists.sources), lists

    async def _streamed(
        self, line: Callable[[Exported], bytes], head: bytes, media_type: str, extension: str
    ) -> Response:
        pages = self._pages()
        first: list[Exported] = await anext(pages, [])

        async def body() -> AsyncIterator[bytes]:
            yield head + b"".join(map(line, first))
            async for page in pages:
                yield b"".join(map(line, page))

        return StreamingResponse(
            body(), media_type=media_type, headers={"Content-Disposition": disposition(self._name(extension))}
        )

    async def _pages(self) -> AsyncIterator[list[Exported]]:
        """The first in the request's own transaction, each further one in its own, entered anew."""
        page = await repository.page(self._session, self._filters, None)
        claims = self._request.state.claims
        entry = Entry(claims.kind, claims.subject, family=claims.family)
        while page:
            yield page
            if len(page) < PAGE:
                return
            last = page[-1].project
            async with database_of(self._request).transaction(entry) as session:
                if entered(session).rev != claims.rev:
                    raise e.InvalidToken
                page = await repository.page(session, self._filters, Place(last.region_code, last.id))

    def _name(self, extension: str) -> str:
        return f"项目库-{league_date(clock_of(self._session).now()).isoformat()}.{extension}"


def _document_line(one: Exported) -> bytes:
    return json.dumps(rules.document(*one), ensure_ascii=False).encode() + b"\n"


def _known(columns: list[Column]) -> frozenset[FundingKey]:
    steps = [column.pointer.split("/") for column in columns if column.pointer.startswith("/funding/")]
    return frozenset(FundingKey(source, int(year) if year else None) for _, _, source, year, _ in steps)


def _cells(one: Exported, columns: list[Column], known: frozenset[FundingKey], lists: Lists) -> list[xlsx.Value]:
    if not known.issuperset(FundingKey(line.source, line.year) for line in one.funding):
        # Funded from a new source since the header was sent: no column for it, and leaving it out would be wrong.
        raise e.Busy
    return [*sheets.values(rules.document(*one), columns, lists), *rules.shown(one.project)]


def _write(sheet: Sheet, rows: list[list[xlsx.Value]]) -> None:
    for row in rows:
        sheet.row(row)


@sets("Content-Disposition")
async def get_export(request: Request, session: Session, filters: Narrowing) -> Export:
    return Export(request, session, filters)


Exports = Annotated[Export, Depends(get_export)]
