"""Evaluation cycles (年度评估, Art. 9)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import may_answer, router
from app.evaluations.cycles import repository, service
from app.evaluations.cycles.dependencies import CycleToClose, CycleToPublish, Manager, Reader, VisibleCycle
from app.evaluations.cycles.schemas import CycleIn, CycleOut, CycleSummary
from app.evaluations.cycles.views import show

routes = router("/v1/evaluation-cycles", tag="evaluations")


@routes.get("", summary="List evaluation cycles")
async def list_evaluation_cycles(
    _caller: Reader, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[CycleSummary]:
    """One a year, the latest first."""
    page = await pages.of(session, repository.listed(), params, repository.ORDER)
    return page.show(CycleSummary.model_validate)


@routes.post(
    "",
    status_code=201,
    response_model=CycleOut,
    summary="Open an evaluation cycle",
    dependencies=[may_answer(e.CONFLICT)],
)
async def create_evaluation_cycle(caller: Manager, session: Session, reply: Replies, body: CycleIn) -> Response:
    """开展年度评估, by the office: of a year that is over, by a method that is frozen here by its hash. A year has one
    cycle (409 `conflict`, reason `cycle_exists`)."""
    cycle = await service.open_cycle(session, body)
    location = f"/v1/evaluation-cycles/{cycle.id}"
    return reply(await show(session, caller, cycle), version=cycle.version, location=location, created=True)


@routes.get("/{cycle_id}", response_model=CycleOut, summary="Get an evaluation cycle")
async def get_evaluation_cycle(caller: Reader, cycle: VisibleCycle, session: Session, reply: Replies) -> Response:
    """The calendar: due date and phase (`open`, `reviewing`, `closed`, `published`)."""
    return reply(await show(session, caller, cycle), version=cycle.version)


@routes.post("/{cycle_id}/close", response_model=CycleOut, summary="Close the cycle's present phase")
async def close_evaluation_cycle(caller: Manager, cycle: CycleToClose, session: Session, reply: Replies) -> Response:
    """From `open` to `reviewing`: no self-evaluation is opened any more, those under way are finished and sent.
    From `reviewing` to `closed`: none is sent any more; refused (409 `state_conflict`, reason
    `undecided`) while one waits for an answer."""
    await service.close(session, cycle)
    return reply(
        await show(session, caller, cycle), version=cycle.version, location=f"/v1/evaluation-cycles/{cycle.id}"
    )


@routes.post("/{cycle_id}/publish", status_code=202, response_class=Response, summary="Publish the results")
async def publish_evaluation_cycle(
    _caller: Manager, cycle: CycleToPublish, session: Session, reply: Replies
) -> Response:
    """公布, once the cycle is `closed`. As far as you may know, every file must be approved (409 `state_conflict`,
    reason `not_approved`). The worker looks at every file again: it publishes all, and the phase becomes `published`,
    or, where anything is stale, blocked or waiting for a decision, nothing."""
    await service.request_publication(session, cycle)
    return reply.asked(location=f"/v1/evaluation-cycles/{cycle.id}")
