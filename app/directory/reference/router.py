"""Regions and code lists."""

from typing import Annotated

from fastapi import Query

from app.auth.dependencies import Session
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.directory.reference import repository
from app.directory.reference.dependencies import Reader, VisibleRegion
from app.directory.reference.schemas import (
    CalendarDayOut,
    CalendarFilters,
    CodeOut,
    IndicatorOut,
    LegalBasisOut,
    ModeOut,
    RegionFilters,
    RegionOut,
    RelationOut,
    TimeLimitOut,
)
from app.models.directory import ConversionMode, FundingSource, Indicator, Relation, TimeLimit

routes = router("/v1", tag="directory")

Paged = Annotated[PageParams, Query()]


@routes.get("/regions", summary="List regions")
async def list_regions(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[RegionFilters, Query()]
) -> Page[RegionOut]:
    """The league and its banners, cities, counties and management areas (各旗县市（区）, Art. 2)."""
    page = await pages.of(session, repository.regions(assessed=filters.assessed), filters, repository.REGION_ORDER)
    return page.show(RegionOut.model_validate)


@routes.get("/regions/{code}", summary="Get a region")
async def get_region(_caller: Reader, region: VisibleRegion) -> RegionOut:
    """One division by its code."""
    return RegionOut.model_validate(region)


@routes.get("/conversion-modes", summary="List conversion modes")
async def list_conversion_modes(_caller: Reader, session: Session, pages: Paging, params: Paged) -> Page[ModeOut]:
    """Ways of conversion (转化模式, Art. 3): the national eight, as data."""
    statement, order = repository.coded(ConversionMode)
    return (await pages.of(session, statement, params, order)).show(ModeOut.model_validate)


@routes.get("/funding-sources", summary="List funding sources")
async def list_funding_sources(_caller: Reader, session: Session, pages: Paging, params: Paged) -> Page[CodeOut]:
    """Where a project's money comes from (资金来源)."""
    statement, order = repository.coded(FundingSource)
    return (await pages.of(session, statement, params, order)).show(CodeOut.model_validate)


@routes.get("/indicators", summary="List indicators")
async def list_indicators(_caller: Reader, session: Session, pages: Paging, params: Paged) -> Page[IndicatorOut]:
    """Indicators shared by plan targets, outcomes and schemes; examples are marked 示例."""
    statement, order = repository.coded(Indicator)
    return (await pages.of(session, statement, params, order)).show(IndicatorOut.model_validate)


@routes.get("/relations", summary="List relations")
async def list_relations(_caller: Reader, session: Session, pages: Paging, params: Paged) -> Page[RelationOut]:
    """Relations that can call for recusal, per capacity, with look-back and legal basis (Art. 11)."""
    statement, order = repository.coded(Relation)
    return (await pages.of(session, statement, params, order)).show(RelationOut.model_validate)


@routes.get("/legal-bases", summary="List legal bases")
async def list_legal_bases(_caller: Reader, session: Session, pages: Paging, params: Paged) -> Page[LegalBasisOut]:
    """What a decision on a recusal can be grounded on (法律依据, Art. 11), every version of it."""
    page = await pages.of(session, repository.legal_bases(), params, repository.BASIS_ORDER)
    return page.show(LegalBasisOut.model_validate)


@routes.get("/calendar-days", summary="List holidays and worked weekends")
async def list_calendar_days(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[CalendarFilters, Query()]
) -> Page[CalendarDayOut]:
    """What working days are counted by: Monday to Friday, but for these days."""
    page = await pages.of(session, repository.calendar_days(year=filters.year), filters, repository.CALENDAR_ORDER)
    return page.show(CalendarDayOut.model_validate)


@routes.get("/time-limits", summary="List time limits")
async def list_time_limits(_caller: Reader, session: Session, pages: Paging, params: Paged) -> Page[TimeLimitOut]:
    """Clocks in working days; what ships is an example (示例)."""
    statement, order = repository.coded(TimeLimit)
    return (await pages.of(session, statement, params, order)).show(TimeLimitOut.model_validate)
