"""Appraisal files (评议档案): the judgement on one region's year (Art. 9, 10)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import router
from app.evaluations.files import repository, service, views
from app.evaluations.files.dependencies import (
    Appraiser,
    Approver,
    Explanation,
    FileToAppraise,
    FileToApprove,
    FileToGrade,
    Grader,
    Reader,
    VisibleFile,
)
from app.evaluations.files.schemas import (
    AppraisalFileFilters,
    AppraisalFileOut,
    AppraisalFileSummary,
    AppraisalIn,
    ExplanationOut,
)

routes = router("/v1/appraisal-files", tag="evaluations")


@routes.get("", summary="List appraisal files")
async def list_appraisal_files(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[AppraisalFileFilters, Query()]
) -> Page[AppraisalFileSummary]:
    """By region. For the league's office, committee and inspector: those from whose region they are not recused."""
    statement = repository.listed(**filters.model_dump(include={"cycle_id", "region_code", "state", "stale"}))
    return (await pages.of(session, statement, filters, repository.ORDER)).show(AppraisalFileSummary.model_validate)


@routes.get("/{file_id}", response_model=AppraisalFileOut, summary="Get an appraisal file")
async def get_appraisal_file(caller: Reader, file: VisibleFile, session: Session, reply: Replies) -> Response:
    """State, panel, appraisal, and the result while it stands. 404 for whoever is recused from the region."""
    return reply(await views.show(session, caller, file), version=file.version)


@routes.post("/{file_id}/appraise", response_model=AppraisalFileOut, summary="Appraise")
async def appraise_file(
    caller: Appraiser, file: FileToAppraise, session: Session, reply: Replies, body: AppraisalIn
) -> Response:
    """综合评议, once the panel is complete, with this year's commitment and declaration. The reason of a 409
    `state_conflict` says what is in the way: `stale`, `blocked_quorum`, `application_pending`, `panel_incomplete`."""
    await service.appraise(session, caller, file, body)
    shown = await views.show(session, caller, file)
    return reply(shown, version=file.version, location=f"/v1/appraisal-files/{file.id}")


@routes.post("/{file_id}/grade", status_code=202, response_class=Response, summary="Compute the result")
async def grade_file(_caller: Grader, file: FileToGrade, session: Session, reply: Replies) -> Response:
    """评定等次. Accepted for the worker, which looks again whether anything is in the way. Refused as appraising is."""
    await service.request_grade(session, file)
    return reply.asked(location=f"/v1/appraisal-files/{file.id}")


@routes.post("/{file_id}/approve", response_model=AppraisalFileOut, summary="Approve the result")
async def approve_file(caller: Approver, file: FileToApprove, session: Session, reply: Replies) -> Response:
    """审定, by the committee, not by who appraised (409 `four_eyes`). Refused as appraising is."""
    await service.approve(session, caller, file)
    shown = await views.show(session, caller, file)
    return reply(shown, version=file.version, location=f"/v1/appraisal-files/{file.id}")


@routes.get("/{file_id}/explanation", response_model=ExplanationOut, summary="Get the explanation of a result")
async def get_appraisal_explanation(_caller: Reader, explanation: Explanation, reply: Replies) -> Response:
    """How the result comes about, for anybody entitled to compute it again. The region's own staff gets it with the
    publication (Art. 10, 反馈)."""
    return reply(explanation)
