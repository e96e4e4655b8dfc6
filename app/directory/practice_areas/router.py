"""Practice areas (实践区, Art. 1, 4)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.fields import ReasonBody
from app.core.pagination import Page, Paging
from app.core.routing import for_example, may_answer, router
from app.directory.practice_areas import repository, service
from app.directory.practice_areas.dependencies import (
    AreaToAdjust,
    AreaToChange,
    AreaToWithdraw,
    Creator,
    Keeper,
    Reader,
    Show,
    VisibleArea,
)
from app.directory.practice_areas.schemas import (
    PracticeAreaFilters,
    PracticeAreaIn,
    PracticeAreaOut,
    PracticeAreaPatch,
    PracticeAreaSummary,
)

routes = router("/v1/practice-areas", tag="directory")


@routes.get("", summary="List practice areas")
async def list_practice_areas(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[PracticeAreaFilters, Query()]
) -> Page[PracticeAreaSummary]:
    """By name, without geometry. Withdrawn ones stay in the list; `state` narrows it."""
    statement = repository.listed(region_code=filters.region_code, state=filters.state, mode_code=filters.mode_code)
    return (await pages.of(session, statement, filters, repository.ORDER)).show(PracticeAreaSummary.of)


@routes.post(
    "",
    status_code=201,
    response_model=PracticeAreaOut,
    summary="Establish a practice area",
    dependencies=[may_answer(e.RECUSED)],
)
async def create_practice_area(
    _caller: Creator, session: Session, reply: Replies, show: Show, body: PracticeAreaIn
) -> Response:
    """In a region or in the league itself, with the bodies that carry it out and, if known, its geometry."""
    area = await service.establish(session, body)
    place = f"/v1/practice-areas/{area.id}"
    return reply(await show(area), version=area.version, location=place, created=True)


@routes.get("/{area_id}", response_model=PracticeAreaOut, summary="Get a practice area")
async def get_practice_area(_caller: Reader, area: VisibleArea, reply: Replies, show: Show) -> Response:
    """One area with its geometry, its ETag, and what you may do to it."""
    return reply(await show(area), version=area.version)


@routes.patch("/{area_id}", response_model=PracticeAreaOut, summary="Change a practice area")
async def update_practice_area(
    _caller: Keeper, area: AreaToChange, session: Session, reply: Replies, show: Show, body: PracticeAreaPatch
) -> Response:
    """Members that are absent stay; null clears what may be empty. A withdrawn area is not changed any more."""
    area = await service.change(session, area, body)
    return reply(await show(area), version=area.version)


@routes.post("/{area_id}/adjust", response_model=PracticeAreaOut, summary="Adjust a practice area")
async def adjust_practice_area(
    _caller: Creator,
    area: AreaToAdjust,
    session: Session,
    reply: Replies,
    show: Show,
    body: Annotated[ReasonBody, for_example(reason="实施主体变更，四至范围随之调整（示例）")],
) -> Response:
    """Record that the area was adjusted (调整), and why. It may be adjusted again."""
    area = await service.move(session, area, "adjust", body.reason)
    return reply(await show(area), version=area.version, location=f"/v1/practice-areas/{area.id}")


@routes.post("/{area_id}/withdraw", response_model=PracticeAreaOut, summary="Withdraw a practice area")
async def withdraw_practice_area(
    _caller: Creator,
    area: AreaToWithdraw,
    session: Session,
    reply: Replies,
    show: Show,
    body: Annotated[ReasonBody, for_example(reason="连续两年未开展工作，予以退出（示例）")],
) -> Response:
    """Final (撤销): it stays readable, and is changed no more."""
    area = await service.move(session, area, "withdraw", body.reason)
    return reply(await show(area), version=area.version, location=f"/v1/practice-areas/{area.id}")
