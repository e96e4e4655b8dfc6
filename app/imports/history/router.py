"""Earlier years (补录): plans, results and indicator values, pushed as projects are, and read with their mark."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Query, Response
from pydantic import BaseModel

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.limits import Budget
from app.core.openapi import body_schema
from app.core.pagination import Page, Paging
from app.core.routing import counts_as, router
from app.imports import reading, service
from app.imports.dependencies import Language
from app.imports.history import repository
from app.imports.history.dependencies import (
    RECEIVED_HISTORY,
    RECEIVED_RESULTS,
    REFUSED,
    HistoryPusher,
    HistoryReader,
    PushedHistory,
    ResultReader,
    ResultRecorder,
)
from app.imports.history.repository import Entry
from app.imports.history.rules import Kind
from app.imports.history.schemas import (
    EXAMPLES,
    EarlierPlanOut,
    EarlierPlanPush,
    EarlierPlanRow,
    EarlierResultOut,
    EarlierResultPush,
    EarlierResultRow,
    EntryFilters,
    HistoryOptions,
    IndicatorValueFilters,
    IndicatorValueOut,
    IndicatorValuePush,
    IndicatorValueRow,
    ResultOptions,
)
from app.imports.router import answer
from app.imports.schemas import ImportOut

pushes = router("/v1/imports", tag="imports")
routes = router("/v1", tag="history")


def _body(whole: type[BaseModel], row: Any) -> dict[str, Any]:
    example = EXAMPLES[row]
    return {
        "requestBody": {
            "required": True,
            "description": "At most 1,000 rows, as JSON or with one row on each line (NDJSON); "
            "either may be compressed (`Content-Encoding: gzip`).",
            "content": {
                reading.JSON: {"schema": body_schema(whole), "example": {"items": [example]}},
                reading.NDJSON: {"schema": body_schema(row), "example": example},
            },
        }
    }


@pushes.post(
    "/indicator-values",
    response_model=ImportOut,
    openapi_extra=_body(IndicatorValuePush, IndicatorValueRow),
    dependencies=[RECEIVED_HISTORY, counts_as(Budget.PUSHES)],
    summary="Push earlier years' indicator values",
)
async def push_indicator_values(
    caller: HistoryPusher,
    options: Annotated[HistoryOptions, Query()],
    sent: PushedHistory,
    session: Session,
    language: Language,
    reply: Replies,
) -> Response:
    """补录: values of years before this one, each with the document that it is from. A row is matched by your source
    system, region, year and indicator; pushing the same again changes nothing, another value is a further edition.
    `external_id` in the receipt is `region/year/indicator`, `id` the entry. The rest is as with projects."""
    run = await service.push(session, caller, sent, options.as_push(), Kind.INDICATOR_VALUES)
    return await answer(session, reply, run, language)


@pushes.post(
    "/earlier-plans",
    response_model=ImportOut,
    openapi_extra=_body(EarlierPlanPush, EarlierPlanRow),
    dependencies=[RECEIVED_HISTORY, counts_as(Budget.PUSHES)],
    summary="Push earlier years' plans",
)
async def push_earlier_plans(
    caller: HistoryPusher,
    options: Annotated[HistoryOptions, Query()],
    sent: PushedHistory,
    session: Session,
    language: Language,
    reply: Replies,
) -> Response:
    """补录: plans that were filed before this system was there; `source` is the plan's document. One for a region and
    year from each source system. Staff: not for a year for which the region has a plan here (`exists`)."""
    run = await service.push(session, caller, sent, options.as_push(), Kind.EARLIER_PLANS)
    return await answer(session, reply, run, language)


@pushes.post(
    "/earlier-results",
    response_model=ImportOut,
    openapi_extra=_body(EarlierResultPush, EarlierResultRow),
    dependencies=[RECEIVED_RESULTS, counts_as(Budget.PUSHES), REFUSED],
    summary="Push earlier years' results",
)
async def push_earlier_results(
    caller: ResultRecorder,
    options: Annotated[ResultOptions, Query()],
    sent: PushedHistory,
    session: Session,
    language: Language,
    reply: Replies,
) -> Response:
    """补录, by the office: grades as they were published, with the document that published them; no scores, no ranks.
    Never for a year that is evaluated here (`assessed_here`). Who is recused from a region that a row names enters
    none of them (403 `recused`, Art. 11)."""
    run = await service.push(session, caller, sent, options.as_push(), Kind.EARLIER_RESULTS)
    return await answer(session, reply, run, language)


@routes.get("/indicator-values", summary="List earlier years' indicator values")
async def list_indicator_values(
    _caller: HistoryReader, session: Session, pages: Paging, filters: Annotated[IndicatorValueFilters, Query()]
) -> Page[IndicatorValueOut]:
    """补录: what was entered later, the latest years first. Where two source systems differ, both are shown."""
    kind = Kind.INDICATOR_VALUES
    page = await pages.of(session, repository.listed(kind, filters), filters, repository.order(kind))
    return page.show(_shown(IndicatorValueOut))


@routes.get("/earlier-plans", summary="List earlier years' plans")
async def list_earlier_plans(
    _caller: HistoryReader, session: Session, pages: Paging, filters: Annotated[EntryFilters, Query()]
) -> Page[EarlierPlanOut]:
    """补录: plans from before. `/v1/plans` has those that were made here."""
    kind = Kind.EARLIER_PLANS
    page = await pages.of(session, repository.listed(kind, filters), filters, repository.order(kind))
    return page.show(_shown(EarlierPlanOut))


@routes.get("/earlier-results", summary="List earlier years' results")
async def list_earlier_results(
    _caller: ResultReader, session: Session, pages: Paging, filters: Annotated[EntryFilters, Query()]
) -> Page[EarlierResultOut]:
    """补录: grades as they were published elsewhere. `/v1/publications` has the results of years evaluated here."""
    kind = Kind.EARLIER_RESULTS
    page = await pages.of(session, repository.listed(kind, filters), filters, repository.order(kind))
    return page.show(_shown(EarlierResultOut))


def _shown(model: Any) -> Callable[[Entry], Any]:
    def shown(entry: Entry) -> Any:
        source = {"title": entry.source_title, "number": entry.source_number, "date": entry.source_date}
        own = {name: getattr(entry, name) for name in model.model_fields if hasattr(entry, name)}
        return model.model_validate({**own, "entered_later": True, "source": source})

    return shown
