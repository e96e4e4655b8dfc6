"""The office's admission queue (入库审定, Art. 3)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import may_answer, router
from app.projects.admission import repository, service
from app.projects.admission.schemas import (
    Decided,
    ProposalFilters,
    ProposalOut,
    QueueDecisions,
    QueueFilters,
    QueueItem,
)
from app.projects.dependencies import Admitter, QueueReader, Reader

routes = router("/v1/admission-queue", tag="projects")
proposals = router("/v1/project-proposals", tag="projects")

_REFUSALS = may_answer(e.FORBIDDEN, e.RECUSED, e.FOUR_EYES)


@routes.get("", summary="List what waits for admission")
async def list_admission_queue(
    _caller: QueueReader, session: Session, pages: Paging, filters: Annotated[QueueFilters, Query()]
) -> Page[QueueItem]:
    """Projects that are proposed for the library, and changes that other systems propose to its members, longest
    waiting first, each with its differences to what stands now."""
    statement, order = repository.queue(filters)
    rows = await pages.of(session, statement, filters, order)
    items = iter(await service.shown(session, rows.rows))
    return rows.show_rows(lambda _: next(items))


@routes.post("/decisions", response_model=Decided, dependencies=[_REFUSALS], summary="Decide on what waits")
async def decide_admissions(caller: Admitter, session: Session, reply: Replies, body: QueueDecisions) -> Response:
    """Accept or decline up to 200 items, each as it was seen (`version`): all of them, or, where one cannot be decided,
    none; 422 points to every one that is in the way. Never by who proposed it, nor by who is recused from region,
    project or entity (Art. 11). An accepted change replaces the members that it names, and no others."""
    decided = await service.decide(session, caller, body.decisions)
    return reply(decided, location="/v1/admission-queue")


@proposals.get("", summary="List proposed changes of members")
async def list_project_proposals(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[ProposalFilters, Query()]
) -> Page[ProposalOut]:
    """What sources proposed to change in the library, newest first, and what became of it: for who sees the project."""
    page = await pages.of(session, repository.proposals(filters), filters, repository.PROPOSAL_ORDER)
    return page.show(ProposalOut.model_validate)
