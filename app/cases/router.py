"""Typical cases (典型案例) of the regions (Art. 13)."""

from typing import Annotated

from fastapi import Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Session
from app.auth.principal import Caller
from app.cases import repository, service, views
from app.cases.dependencies import (
    CaseToEdit,
    CaseToRecommend,
    CaseToReturn,
    CaseToReview,
    Drafter,
    Handler,
    Reader,
    Recommender,
    VisibleCase,
    Writer,
)
from app.cases.schemas import (
    CaseDecisionOut,
    CaseFilters,
    CaseIn,
    CaseOut,
    CasePatch,
    CaseReturnIn,
    CaseSummary,
    DecisionPage,
)
from app.core import errors as e
from app.core.etag import Replies, Reply
from app.core.pagination import Page, Paging
from app.core.routing import may_answer, router
from app.models.cases import Case

routes = router("/v1/cases", tag="cases")


@routes.get("", summary="List cases")
async def list_cases(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[CaseFilters, Query()]
) -> Page[CaseSummary]:
    """Your region's in any state; for the league's office, committee, inspector, departments, what was recommended."""
    statement = repository.listed(**filters.model_dump(include={"round_id", "region_code", "state", "updated_since"}))
    page = await pages.of(session, statement, filters, repository.ORDERS[filters.sort])
    files = await repository.files_of(session, [row[0].id for row in page.rows])
    return page.show(lambda case: views.summary(case, files.get(case.id)))


@routes.post(
    "",
    status_code=201,
    response_model=CaseOut,
    summary="Begin a case",
    dependencies=[may_answer(e.FORBIDDEN, e.STATE_CONFLICT)],
)
async def create_case(caller: Drafter, session: Session, reply: Replies, body: CaseIn) -> Response:
    """As the region's editor, in an open round (409 `state_conflict`, reason `round_not_open`). Nobody else sees it
    until it is recommended."""
    case = await service.begin(session, caller, body)
    shown = await views.show(session, caller, case)
    return reply(shown, version=case.version, location=f"/v1/cases/{case.id}", created=True)


@routes.get("/{case_id}", response_model=CaseOut, summary="Get a case")
async def get_case(caller: Reader, case: VisibleCase, session: Session, reply: Replies) -> Response:
    """A dossier: whoever is recused from it still reads it, and does not handle it for the league. Other
    regions read what was selected in the publication."""
    return reply(await views.show(session, caller, case), version=case.version)


@routes.patch("/{case_id}", response_model=CaseOut, summary="Change a case")
async def update_case(caller: Writer, case: CaseToEdit, session: Session, reply: Replies, body: CasePatch) -> Response:
    """As the region's editor, in the states `draft` and `returned`."""
    await service.edit(session, caller, case, body)
    return reply(await views.show(session, caller, case), version=case.version)


@routes.get("/{case_id}/decisions", summary="List the office's returns")
async def list_case_decisions(
    _caller: Reader, case: VisibleCase, session: Session, pages: Paging, params: Annotated[DecisionPage, Query()]
) -> Page[CaseDecisionOut]:
    """With their remarks, latest first: for the region, and the league's office, committee and inspector."""
    page = await pages.of(session, repository.decisions(case.id), params, repository.DECISIONS)
    return page.show(CaseDecisionOut.model_validate)


@routes.post("/{case_id}/recommend", response_model=CaseOut, summary="Recommend a case to the league")
async def recommend_case(caller: Recommender, case: CaseToRecommend, session: Session, reply: Replies) -> Response:
    """推荐, by the region's approver, not by who had a hand in the text (409 `four_eyes`). 409
    `state_conflict`, reason `quota_reached`, where the region has recommended as many as the round allows; what was
    returned frees its place. 422 points to each missing text."""
    await service.recommend(session, caller, case)
    return await _moved(session, caller, case, reply)


@routes.post("/{case_id}/return", response_model=CaseOut, summary="Return a case for completion")
async def return_case(
    caller: Handler, case: CaseToReturn, session: Session, reply: Replies, body: CaseReturnIn
) -> Response:
    """退回修改, by the office, until the case is under review. Not by who had a hand in it, nor by the region's own
    staff, nor by who is recused from it (403 `recused`, Art. 11)."""
    await service.send_back(session, caller, case, body.remarks)
    return await _moved(session, caller, case, reply)


@routes.post("/{case_id}/start-review", response_model=CaseOut, summary="Have a case reviewed")
async def start_case_review(caller: Handler, case: CaseToReview, session: Session, reply: Replies) -> Response:
    """组织专家审核, by the office: opens the case file and a panel of experts on the case as it is now. The case does
    not change, so that its region does not learn of it. Refused as returning is."""
    await service.start_review(session, case)
    return await _moved(session, caller, case, reply)


async def _moved(session: AsyncSession, caller: Caller, case: Case, reply: Reply) -> Response:
    shown = await views.show(session, caller, case)
    return reply(shown, version=case.version, location=f"/v1/cases/{case.id}")
