"""Pushes by other systems, and their receipts."""

from collections.abc import Iterable
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.sse import format_sse_event

from app.auth.dependencies import Session, entered_again
from app.core import errors as e
from app.core.errors import FieldError
from app.core.etag import Replies, Reply
from app.core.limits import Budget
from app.core.openapi import body_schema
from app.core.pagination import Page, Paging
from app.core.routing import counts_as, may_answer, router
from app.core.streams import EventStream, Seen, of_events
from app.imports import reading, receipt_files, repository, service
from app.imports.dependencies import (
    READS_RECEIPTS,
    RECEIVED,
    Language,
    LastEventId,
    OwnRun,
    Pushed,
    Pusher,
    ReceiptReader,
    RunPusher,
    RunWithReceipt,
    VisibleRun,
    visible_run,
)
from app.imports.files import AsFile, file_response, of_file
from app.imports.reading import CSV, XLSX
from app.imports.schemas import (
    EXAMPLE_TABLE,
    ImportFilters,
    ImportOut,
    ImportRowFilters,
    ImportRowOut,
    ImportSummary,
    ProjectPush,
    ProjectRow,
    PushOptions,
    ReceiptFileOptions,
    RetryOptions,
    RowError,
    RunNow,
    RunProgress,
    example_row,
)
from app.models.imports import ImportRow, ImportRun

routes = router("/v1/imports", tag="imports")

_QUEUED: dict[int | str, Any] = {
    202: {"description": "Taken: more than 1,000 rows, to be done by a worker. The run tells how far it is."}
}

_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "At most 1,000 rows as JSON. In NDJSON one row stands on each line, up to 1,000,000. CSV "
        "(UTF-8 or GB 18030, by `charset` or told by the bytes with certainty) and a workbook have the columns of "
        "`/v1/imports/projects/template.xlsx`. Any of them may be compressed (`Content-Encoding: gzip`).",
        "content": {
            reading.JSON: {"schema": body_schema(ProjectPush), "example": {"items": [example_row()]}},
            reading.NDJSON: {"schema": body_schema(ProjectRow), "example": example_row()},
            CSV: {"schema": {"type": "string", "format": "binary"}, "example": EXAMPLE_TABLE},
            XLSX: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@routes.get("", summary="List pushes")
async def list_imports(
    _caller: ReceiptReader, session: Session, pages: Paging, filters: Annotated[ImportFilters, Query()]
) -> Page[ImportSummary]:
    """Your own pushes, newest first; the league's handlers see all."""
    page = await pages.of(session, repository.runs(filters), filters, repository.RUN_ORDER)
    return page.show(ImportSummary.model_validate)


@routes.post(
    "/projects",
    response_model=ImportOut,
    openapi_extra=_BODY,
    responses=_QUEUED,
    dependencies=[RECEIVED, counts_as(Budget.PUSHES)],
    summary="Push projects",
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
    there is changed, with history; a change of a member of the library waits for the office (`proposed`), but for its
    building stage; pushing the same again changes nothing.

    Up to 1,000 rows the answer is 200 with the receipt, whatever became of the rows: read `outcome`. More are 202: the
    run is done soon, all of it or nothing, and `Location` shows its progress and then its receipt. `rows` are the
    input's, in the same order; a rejected row lists every error with its pointer. A member that is absent from a row
    stays, null clears. Repeating the request with its key has one effect and shows the same run.

    Other systems push for their regions; a region's editors push its own, as the source `region-<code>`."""
    run = await service.push(session, caller, sent, options)
    return await answer(session, reply, run, language)


@routes.get("/{run_id}", response_model=ImportOut, summary="Get a receipt")
async def get_import(
    _caller: ReceiptReader, run: VisibleRun, session: Session, language: Language, reply: Replies
) -> Response:
    """The receipt of one push, with all its rows up to 1,000; it never changes. While the run is `queued`, how far it
    is."""
    return await _shown(session, reply, run, language)


@routes.get(
    "/{run_id}/events",
    response_class=Response,
    responses=of_events(
        "Events as they happen; each has in `data` the run as `GET /v1/imports/{run_id}` shows it, without `rows`.",
        format_sse_event(retry=2_000),
        format_sse_event(event="progress", data_str='{"state": "queued", "progress": {"rows_read": 4000}}', id="3f1c…"),
        format_sse_event(event="ended", data_str='{"state": "finished", "outcome": "succeeded"}', id="9f86…"),
    ),
    summary="Watch a push",
)
async def watch_import(
    request: Request, _caller: ReceiptReader, run: VisibleRun, session: Session, last_event_id: LastEventId = None
) -> Response:
    """How far a push is, as server-sent events: `progress` whenever it is further, `ended` with its last state, after
    which nothing comes. `refused` (a problem as any error is) ends the stream too: the token has run out, or what it
    may see has changed. A stream that ends otherwise was long enough (`STREAM_SECONDS`), or the server goes: ask again
    with `Last-Event-ID`, as browsers do by themselves. You may watch four at a time; 429 otherwise."""
    run_id = run.id

    async def look() -> Seen:
        async with entered_again(request, READS_RECEIPTS) as later:
            return await _seen(later, await visible_run(later, run_id))

    return EventStream(request, await _seen(session, run), look, last_event_id)


@routes.post(
    "/{run_id}/retry",
    response_model=ImportOut,
    responses=_QUEUED,
    dependencies=[may_answer(e.RECUSED)],
    summary="Push the refused rows again",
)
async def retry_import(
    caller: RunPusher,
    run: OwnRun,
    options: Annotated[RetryOptions, Query()],
    session: Session,
    language: Language,
    reply: Replies,
) -> Response:
    """The rows that were rejected or not applied, as they were sent, in a run of their own: for what was wrong here and
    not with them (a region that was not yours, a body of two names). Nothing leaves the library by it."""
    again = await service.retry(session, caller, run, dry_run=options.dry_run)
    return await answer(session, reply, again, language)


@routes.post("/{run_id}/cancel", status_code=202, response_class=Response, summary="Cancel a queued push")
async def cancel_import(_caller: RunPusher, run: OwnRun, session: Session, reply: Replies) -> Response:
    """Asks the worker to stop. Either the run ends as `cancelled`, with nothing of it applied, or it was done before
    the worker heard of it, and stands whole."""
    await service.cancel(session, run)
    return reply.asked(location=f"/v1/imports/{run.id}")


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


@routes.get(
    "/{run_id}/receipt.csv",
    response_class=Response,
    responses=of_file(CSV, "A table in UTF-8 with a byte order mark, as Excel opens it."),
    dependencies=[AsFile],
    summary="Get a receipt as CSV",
)
async def get_receipt_csv(
    _caller: ReceiptReader,
    run: RunWithReceipt,
    session: Session,
    language: Language,
    options: Annotated[ReceiptFileOptions, Query()],
) -> Response:
    """Your own columns as you sent them (for JSON: the template's), then row number, result, project, what changed, and
    every error in words with the title of its column. `action=rejected` gives those to correct."""
    file = await receipt_files.csv_file(session, run, options.action, language)
    return file_response(file, CSV, f"回执-{run.id}.csv")


@routes.get(
    "/{run_id}/receipt.xlsx",
    response_class=Response,
    responses=of_file(XLSX, "A workbook with one sheet."),
    dependencies=[AsFile],
    summary="Get a receipt as a workbook",
)
async def get_receipt_xlsx(
    _caller: ReceiptReader,
    run: RunWithReceipt,
    session: Session,
    language: Language,
    options: Annotated[ReceiptFileOptions, Query()],
) -> Response:
    """As the CSV. For more than 50,000 rows 422 `export_too_large`: take CSV, or one `action`."""
    file = await receipt_files.xlsx_file(session, run, options.action, language)
    return file_response(file, XLSX, f"回执-{run.id}.xlsx")


async def answer(session: Session, reply: Reply, run: ImportRun, language: str) -> Response:
    if run.state == "queued":
        return reply.asked(location=f"/v1/imports/{run.id}")
    return await _shown(session, reply, run, language)


async def _shown(session: Session, reply: Reply, run: ImportRun, language: str) -> Response:
    rows = await repository.shown_rows(session, run) if run.state == "finished" else None
    now = await _now(session, run)
    shown = ImportOut(**dict(now), rows=None if rows is None else _rows(rows, language))
    return reply(shown, location=f"/v1/imports/{run.id}")


async def _seen(session: Session, run: ImportRun) -> Seen:
    now, ended = await _now(session, run), run.state != "queued"
    return Seen("ended" if ended else "progress", now.model_dump_json(), last=ended)


async def _now(session: Session, run: ImportRun) -> RunNow:
    told = {name: getattr(run, name) for name in ImportSummary.model_fields}
    return RunNow(**told, progress=await _progress(session, run))


async def _progress(session: Session, run: ImportRun) -> RunProgress | None:
    told = await repository.progress(session, run.id) if run.state == "queued" else None
    if told is None:
        return None
    return RunProgress(rows_read=told.rows_read, step=told.step, cancel_asked=told.cancel_asked_at is not None)


def _rows(rows: Iterable[ImportRow], language: str) -> list[ImportRowOut]:
    return [_row(row, language) for row in rows]


def _row(row: ImportRow, language: str) -> ImportRowOut:
    errors = [FieldError(error["pointer"], error["code"]) for error in row.errors]
    return ImportRowOut(
        index=row.index,
        source_index=row.source_index,
        external_id=row.external_id,
        id=row.project_id or row.entry_id,
        action=row.action,
        changes=row.changes,
        withheld=row.withheld,
        errors=[RowError(pointer=error.pointer, code=error.code, detail=error.words(language)) for error in errors],
    )
