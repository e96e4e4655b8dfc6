"""Pushes by other systems, and their receipts."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core.errors import FieldError
from app.core.etag import Replies, Reply
from app.core.limits import Budget
from app.core.openapi import body_schema
from app.core.pagination import Page, Paging
from app.core.routing import counts_as, router
from app.imports import reading, repository, service
from app.imports.dependencies import Language, Pushed, Pusher, ReceiptReader, VisibleRun
from app.imports.schemas import (
    ImportOut,
    ImportRowFilters,
    ImportRowOut,
    ProjectPush,
    ProjectRow,
    PushOptions,
    RowError,
    example_row,
)
from app.models.imports import ImportRow, ImportRun

routes = router("/v1/imports", tag="imports")

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 1,000 rows. In NDJSON one row stands on each line.",
        "content": {
            reading.JSON: {"schema": body_schema(ProjectPush), "example": {"items": [example_row()]}},
            reading.NDJSON: {"schema": body_schema(ProjectRow), "example": example_row()},
        },
    }
}


@routes.post(
    "/projects",
    response_model=ImportOut,
    openapi_extra=_BODY,
    summary="Push projects",
    dependencies=[counts_as(Budget.PUSHES)],
)
async def push_projects(
    caller: Pusher,
    options: Annotated[PushOptions, Query()],
    sent: Pushed,
    session: Session,
    language: Language,
    reply: Replies,
) -> Response:
    """Rows are matched by your source system and their `external_id`. What is new is proposed for the library; what is
    there is changed, with history; pushing the same again changes nothing.

    The answer is 200 with the receipt, whatever became of the rows: read `outcome`. `rows` are the input's, in the same
    order; a rejected row lists every error with its pointer. A member that is absent from a row stays, null clears.
    Repeating the request with its key shows the same receipt."""
    run_id = await service.push_projects(session, caller, sent, options)
    run = await repository.run(session, run_id)
    return await _receipt(session, reply, run, language)


@routes.get("/{run_id}", response_model=ImportOut, summary="Get a receipt")
async def get_import(
    _caller: ReceiptReader, run: VisibleRun, session: Session, language: Language, reply: Replies
) -> Response:
    """The receipt of one push, with all its rows, as it was answered; it never changes."""
    return await _receipt(session, reply, run, language)


@routes.get("/{run_id}/rows", summary="List a receipt's rows")
async def list_import_rows(
    _caller: ReceiptReader,
    run: VisibleRun,
    session: Session,
    language: Language,
    pages: Paging,
    filters: Annotated[ImportRowFilters, Query()],
) -> Page[ImportRowOut]:
    """The rows in the input's order; `action=rejected` gives those to correct."""
    page = await pages.of(session, repository.rows(run.id, filters.action), filters, repository.ROW_ORDER)
    return page.show(lambda row: _row(row, language))


async def _receipt(session: Session, reply: Reply, run: ImportRun | None, language: str) -> Response:
    assert run is not None  # noqa: S101 - written in this very transaction, or found by the dependency
    rows = await repository.all_rows(session, run.id)
    told = {name: getattr(run, name) for name in ImportOut.model_fields if name != "rows"}
    return reply(ImportOut(**told, rows=_rows(rows, language)), location=f"/v1/imports/{run.id}")


def _rows(rows: Iterable[ImportRow], language: str) -> list[ImportRowOut]:
    return [_row(row, language) for row in rows]


def _row(row: ImportRow, language: str) -> ImportRowOut:
    errors = [FieldError(error["pointer"], error["code"]) for error in row.errors]
    return ImportRowOut(
        index=row.index,
        external_id=row.external_id,
        id=row.project_id,
        action=row.action,
        changes=row.changes,
        errors=[RowError(pointer=error.pointer, code=error.code, detail=error.words(language)) for error in errors],
    )
