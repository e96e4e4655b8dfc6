"""The library as files that a push reads back, and the template for one."""

import asyncio

from fastapi import Response

from app.auth.dependencies import Session
from app.core.db import clock_of
from app.core.documents import csv, xlsx
from app.core.routing import router
from app.imports import repository as imports
from app.imports.dependencies import ReceiptReader
from app.imports.exports import template
from app.imports.exports.dependencies import Exports, Reader
from app.imports.files import AsFile, file_response, of_file
from app.imports.reading import NDJSON

# Before the library's own routes: their paths would take `export.csv` for an id.
library = router("/v1/projects", tag="projects")
templates = router("/v1/imports", tag="imports")


@library.get(
    "/export.ndjson",
    response_class=Response,
    responses=of_file(NDJSON, "A project on each line, as it would be pushed."),
    summary="Export projects as NDJSON",
)
async def export_projects_ndjson(_caller: Reader, export: Exports) -> Response:
    """The projects that you may see, by region and id, narrowed as the list is. A line is the row whose push changes
    nothing. `external_id` is the one of `source_system` if you filter by it, else of the system that the project came
    from; it is null for a project that no system pushed, and a draft's missing facts are null: such rows are refused
    by a push. The export streams, each page as you may see it then; it breaks off when your rights change."""
    return await export.ndjson()


@library.get(
    "/export.csv",
    response_class=Response,
    responses=of_file(csv.MEDIA_TYPE, "A table in UTF-8 with a byte order mark, as Excel opens it."),
    summary="Export projects as CSV",
)
async def export_projects_csv(_caller: Reader, export: Exports) -> Response:
    """As the NDJSON export, with the template's columns in Chinese and money in 万元; funding by year has the year
    before its title. What a spreadsheet would run as a formula has an apostrophe before it, which a push takes away
    again. An empty cell says nothing; the last four columns are for people, and a push does not read them."""
    return await export.csv()


@library.get(
    "/export.xlsx",
    response_class=Response,
    responses=of_file(xlsx.MEDIA_TYPE, "A workbook with one sheet."),
    summary="Export projects as a workbook",
)
async def export_projects_xlsx(_caller: Reader, export: Exports) -> Response:
    """As the CSV export, with dates and numbers as such. For more than 19,999 projects 422 `export_too_large`: narrow
    it, or take one of the other forms."""
    return await export.xlsx()


@templates.get(
    "/projects/template.xlsx",
    response_class=Response,
    responses=of_file(xlsx.MEDIA_TYPE, "The workbook to fill."),
    dependencies=[AsFile],
    summary="Get the template for pushing projects",
)
async def get_import_template(_caller: ReceiptReader, session: Session) -> Response:
    """A workbook in Chinese: the columns, drop-downs from the lists as they are now, notes, and an example row marked
    示例, which a push does not read. Filled, it is pushed as it is. Columns may be moved, and those that are not
    required left out; for funding by year put the year before the title (2026年中央计划（万元）)."""
    lists = await imports.lists(session)
    file = await asyncio.to_thread(template.build, lists, clock_of(session).now())
    return file_response(file, xlsx.MEDIA_TYPE, "重点项目报送模板.xlsx")
