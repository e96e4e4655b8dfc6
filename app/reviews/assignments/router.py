"""Assignments (评审任务): whom a panel asks, and what they answer (Art. 9, 11, 13)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.auth.principal import Caller
from app.core.etag import Replies, Reply
from app.core.fields import ReasonBody
from app.core.pagination import Page, Paging
from app.core.routing import for_example, router
from app.models.reviews import Assignment, Panel
from app.reviews.assignments import repository, service
from app.reviews.assignments.dependencies import (
    Reader,
    Responder,
    Seat,
    SeatToAccept,
    SeatToDeclare,
    SeatToDecline,
    VisibleSeat,
)
from app.reviews.assignments.schemas import AssignmentDetail, AssignmentFilters, AssignmentOut, InterestsIn
from app.reviews.assignments.views import show, show_detail
from app.reviews.dependencies import CHANGES_SELF

routes = router("/v1/assignments", tag="reviews")


@routes.get("", summary="List assignments")
async def list_assignments(
    caller: Reader, session: Session, pages: Paging, filters: Annotated[AssignmentFilters, Query()]
) -> Page[AssignmentOut]:
    """An expert's own; for the office, those on every subject that it is not recused from. The latest first."""
    statement = repository.listed(
        person_id=caller.id if filters.mine else None,
        state=filters.state,
        subject_kind=filters.subject_kind,
        panel_id=filters.panel_id,
    )
    page = await pages.of(session, statement, filters, repository.ORDER)
    return page.show_rows(lambda row: show(caller, row._mapping[Assignment], row._mapping[Panel], row.person_name))


@routes.get("/{assignment_id}", response_model=AssignmentDetail, summary="Get an assignment")
async def get_assignment(caller: Reader, seat: VisibleSeat, reply: Replies) -> Response:
    """What it is about is told once it is accepted, and shown once interests are declared."""
    shown = show_detail(caller, seat.assignment, seat.panel, seat.person_name)
    return reply(shown, version=seat.assignment.version)


@routes.post(
    "/{assignment_id}/accept",
    response_model=AssignmentDetail,
    summary="Accept an assignment",
    dependencies=[CHANGES_SELF],
)
async def accept_assignment(caller: Responder, seat: SeatToAccept, session: Session, reply: Replies) -> Response:
    """From `invited`. It tells region and title, so that you can declare; your tokens end, and new ones carry the
    review scope if this year's commitment and declaration stand. 409
    `conflict`, reason `ineligible`, without saying why."""
    await service.accept(session, seat.assignment)
    return _answered(caller, seat, reply)


@routes.post(
    "/{assignment_id}/decline",
    response_model=AssignmentDetail,
    summary="Decline an assignment",
    dependencies=[CHANGES_SELF],
)
async def decline_assignment(
    caller: Responder,
    seat: SeatToDecline,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="评审期间出差，不能按时完成（示例）")],
) -> Response:
    """With the reason, as long as no sheet is submitted. The next in reserve is seated."""
    await service.decline(session, seat.assignment, seat.panel, body.reason)
    return _answered(caller, seat, reply)


@routes.post(
    "/{assignment_id}/declare-conflict",
    response_model=AssignmentDetail,
    responses={204: {"description": "You are recused: nothing of the subject is left for you to see."}},
    summary="Declare interests, or none, for an assignment",
    dependencies=[CHANGES_SELF],
)
async def declare_conflict(
    caller: Responder, seat: SeatToDeclare, session: Session, reply: Replies, body: InterestsIn
) -> Response:
    """先申报、后阅卷: from `accepted`. Without interests the dossier opens (`declared`). With interests you are
    recused at once (自行回避, Art. 11): 204, then 404; see `/v1/me/recusals`."""
    if not await service.declare(session, caller, seat.assignment, body):
        return reply.without_content(204, location=f"/v1/assignments/{seat.assignment.id}")
    return _answered(caller, seat, reply)


def _answered(caller: Caller, seat: Seat, reply: Reply) -> Response:
    shown = show_detail(caller, seat.assignment, seat.panel, seat.person_name)
    return reply(shown, version=seat.assignment.version, location=f"/v1/assignments/{seat.assignment.id}")
