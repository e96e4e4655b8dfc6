"""Recusals that nobody in the league may decide (Art. 11)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import may_answer, router
from app.declarations.escalations import repository, service
from app.declarations.escalations.dependencies import CHANGES_THE_CONCERNED, Reader, Recorder, VisibleEscalation
from app.declarations.escalations.schemas import EscalationOut, SuperiorDecisionIn

routes = router("/v1/recusal-escalations", tag="declarations")


@routes.get("", summary="List recusals that nobody may decide")
async def list_escalations(
    caller: Reader, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[EscalationOut]:
    """Every officer, committee member and inspector is the person concerned, began it, is staff there or is recused
    from it themselves. It stays as it is, and holds up what it is about, until the superior authority has decided."""
    page = await pages.of(session, repository.listed(), params, repository.ORDER)
    shown = await service.shown(session, caller, page.rows)
    return Page(items=shown, next_cursor=page.next_cursor, total=page.total)


@routes.get("/{recusal_id}", response_model=EscalationOut, summary="Get a recusal that nobody may decide")
async def get_escalation(caller: Reader, escalation: VisibleEscalation, session: Session, reply: Replies) -> Response:
    """With what was recorded so far. It is gone from here once it is decided, or once somebody may decide it."""
    [shown] = await service.shown(session, caller, [escalation])
    return reply(shown)


@routes.post(
    "/{recusal_id}/record",
    status_code=201,
    response_model=EscalationOut,
    responses={204: {"description": "Confirmed: the recusal is decided."}},
    summary="Record the superior authority's decision",
    dependencies=[CHANGES_THE_CONCERNED, may_answer(e.FOUR_EYES, e.CONFLICT)],
)
async def record_superior_decision(
    caller: Recorder, escalation: VisibleEscalation, session: Session, reply: Replies, body: SuperiorDecisionIn
) -> Response:
    """上级机关的书面决定, entered by two: the first entry is recorded (201) and may be put right by who made it; the
    same from another administrator decides the recusal at once (204). One that differs is 409 `conflict`, reason
    `entries_differ`, and changes nothing."""
    if await service.enter(session, escalation.id, body):
        return reply.without_content(204, location="/v1/recusal-escalations")
    [shown] = await service.shown(session, caller, [escalation])
    return reply(shown, location=f"/v1/recusal-escalations/{escalation.id}", created=True)
