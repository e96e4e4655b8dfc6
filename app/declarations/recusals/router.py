"""Recusals (回避, Art. 11)."""

from typing import Annotated, Any

from fastapi import Query, Response

from app.auth.dependencies import AnyCaller, Session
from app.core.db import league_today
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import router
from app.declarations.recusals import repository, service
from app.declarations.recusals.dependencies import (
    BARS_SOMEBODY,
    CHANGES_THE_CONCERNED,
    Decider,
    OwnNotice,
    Reader,
    RecusalToDecide,
    RecusalToLift,
    Starter,
    VisibleRecusal,
)
from app.declarations.recusals.rules import APPLICATIONS, Initiation
from app.declarations.recusals.schemas import (
    DecisionIn,
    LiftIn,
    NoticeFilters,
    NoticeOut,
    RecusalDetail,
    RecusalFilters,
    RecusalIn,
    RecusalOut,
)

routes = router("/v1/recusals", tag="declarations")
mine = router("/v1/me/recusals", tag="declarations")

_TAKEN: dict[int | str, dict[str, Any]] = {
    202: {"description": "Taken. The same answer whoever is named, without content."}
}


@routes.get("", summary="List recusals")
async def list_recusals(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[RecusalFilters, Query()]
) -> Page[RecusalOut]:
    """For those who decide, the newest first: without those that concern them, or what they are recused from."""
    chosen = filters.model_dump(include={"state", "person_id", "region_code", "overdue"})
    statement = repository.listed(**chosen, today=league_today(session))
    return (await pages.of(session, statement, filters, repository.ORDER)).show_rows(RecusalOut.model_validate)


@routes.post(
    "",
    status_code=201,
    response_model=NoticeOut | RecusalDetail,
    responses=_TAKEN,
    summary="Start a recusal",
    dependencies=[BARS_SOMEBODY],
)
async def create_recusal(caller: Starter, session: Session, reply: Replies, body: RecusalIn) -> Response:
    """From exactly one subject: a region, an organisation, a project or a case.

    `self` (自行回避) and `ex_officio` (决定回避, needs `recusals:decide`) take effect at once: 201 with your notice or
    the recusal; the barred person's tokens stop, assignments are suspended and sheets sealed until it is decided. An
    order never takes the last decider beside who gives it (409 `state_conflict`, reason `no_decider_left`), and against
    an auditor or a security administrator it waits for its decision.
    `interested_party` (申请回避) and `informant` (提供情况) are taken with 202 and no content, whoever is named: nobody
    is barred by them, and the person never learns who started it. An unknown subject is refused with 422."""
    recusal_id = await service.start(session, caller, body)
    if body.initiator in APPLICATIONS:
        return reply.without_content(202, location="/v1/me")
    if body.initiator is Initiation.SELF:
        notice = NoticeOut.model_validate(await repository.notice(session, recusal_id))
        return reply(notice, location=f"/v1/me/recusals/{recusal_id}", created=True)
    shown = await service.detail(session, caller, recusal_id)
    return reply(shown, version=shown.version, location=f"/v1/recusals/{recusal_id}", created=True)


@routes.get("/{recusal_id}", response_model=RecusalDetail, summary="Get a recusal")
async def get_recusal(_caller: Reader, recusal: VisibleRecusal, reply: Replies) -> Response:
    """With its decisions, for those who decide. One's own is not found here: see `/v1/me/recusals`."""
    return reply(recusal, version=recusal.version)


@routes.post(
    "/{recusal_id}/decide",
    response_model=RecusalDetail,
    summary="Decide a recusal",
    dependencies=[CHANGES_THE_CONCERNED],
)
async def decide_recusal(
    caller: Decider, recusal: RecusalToDecide, session: Session, reply: Replies, body: DecisionIn
) -> Response:
    """`in_force` (回避决定): assignments and sheets of the person there are void. `rejected` (不予回避决定): the stated
    fact is no ground; what was suspended resumes. Not by who started it (409 `four_eyes`)."""
    await service.decide(session, recusal, body)
    shown = await service.detail(session, caller, recusal.id)
    return reply(shown, version=shown.version, location=f"/v1/recusals/{recusal.id}")


@routes.post(
    "/{recusal_id}/lift", response_model=RecusalDetail, summary="Lift a recusal", dependencies=[CHANGES_THE_CONCERNED]
)
async def lift_recusal(
    caller: Decider, recusal: RecusalToLift, session: Session, reply: Replies, body: LiftIn
) -> Response:
    """解除回避, when its ground has ceased: the first decider proposes it, another one's act lifts it (409 `four_eyes`
    for the same). What was void stays void."""
    await service.lift(session, recusal, body)
    shown = await service.detail(session, caller, recusal.id)
    return reply(shown, version=shown.version, location=f"/v1/recusals/{recusal.id}")


@mine.get("", summary="List my own recusals")
async def list_my_recusals(
    _caller: AnyCaller, session: Session, pages: Paging, filters: Annotated[NoticeFilters, Query()]
) -> Page[NoticeOut]:
    """From what you are or were barred, since when, and why once it is decided. Applications show once they bar you."""
    statement = repository.notices(state=filters.state)
    return (await pages.of(session, statement, filters, repository.NOTICE_ORDER)).show_rows(NoticeOut.model_validate)


@mine.get("/{recusal_id}", response_model=NoticeOut, summary="Get one of my own recusals")
async def get_my_recusal(_caller: AnyCaller, notice: OwnNotice, reply: Replies) -> Response:
    """One notice."""
    return reply(NoticeOut.model_validate(notice))
