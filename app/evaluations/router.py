"""Self-evaluations (自查自评, Art. 9)."""

from typing import Annotated

from fastapi import Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth.dependencies import Session
from app.auth.principal import Caller
from app.core import errors as e
from app.core.etag import Replies, Reply
from app.core.fields import ReasonBody
from app.core.pagination import Page, Paging
from app.core.routing import for_example, may_answer, router
from app.evaluations import repository, service, views
from app.evaluations.dependencies import (
    Drafter,
    Handler,
    Reader,
    Signer,
    Submitter,
    ToAccept,
    ToReturn,
    ToSendBack,
    ToSign,
    ToSubmit,
    VisibleEvaluation,
)
from app.evaluations.schemas import (
    DecisionPage,
    EvaluationDecisionOut,
    EvaluationFilters,
    EvaluationIn,
    EvaluationOut,
    EvaluationReturnIn,
    EvaluationSummary,
)
from app.models.evaluations import Evaluation

routes = router("/v1/evaluations", tag="evaluations")


@routes.get("", summary="List self-evaluations")
async def list_evaluations(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[EvaluationFilters, Query()]
) -> Page[EvaluationSummary]:
    """Your region's in any state; for the league's office, committee and inspector, what was sent."""
    statement = repository.listed(**filters.model_dump(include={"cycle_id", "region_code", "assessment_year", "state"}))
    page = await pages.of(session, statement, filters, repository.ORDERS[filters.sort])
    files = await repository.files_of(session, [row[0].id for row in page.rows])
    return page.show(lambda evaluation: views.summary(evaluation, files.get(evaluation.id)))


@routes.post(
    "",
    status_code=201,
    response_model=EvaluationOut,
    summary="Begin a self-evaluation",
    dependencies=[may_answer(e.FORBIDDEN, e.CONFLICT, e.STATE_CONFLICT)],
)
async def create_evaluation(caller: Drafter, session: Session, reply: Replies, body: EvaluationIn) -> Response:
    """As the region's editor, in an open cycle (409 `state_conflict`, reason `cycle_not_open`). One item for
    each criterion is made, pre-filled with its sources from the filed plan and the project library of the assessment
    year."""
    evaluation = await service.begin(session, caller, body)
    shown = await views.show(session, caller, evaluation)
    return reply(shown, version=evaluation.version, location=f"/v1/evaluations/{evaluation.id}", created=True)


@routes.get("/{evaluation_id}", response_model=EvaluationOut, summary="Get a self-evaluation")
async def get_evaluation(caller: Reader, evaluation: VisibleEvaluation, session: Session, reply: Replies) -> Response:
    """A dossier: whoever is recused from the region still reads it, and does not handle it for the league."""
    return reply(await views.show(session, caller, evaluation), version=evaluation.version)


@routes.get("/{evaluation_id}/decisions", summary="List the office's answers")
async def list_evaluation_decisions(
    _caller: Reader,
    evaluation: VisibleEvaluation,
    session: Session,
    pages: Paging,
    params: Annotated[DecisionPage, Query()],
) -> Page[EvaluationDecisionOut]:
    """Acceptance and returns with their remarks, latest first."""
    page = await pages.of(session, repository.decisions(evaluation.id), params, repository.DECISIONS)
    return page.show(EvaluationDecisionOut.model_validate)


@routes.post("/{evaluation_id}/submit", response_model=EvaluationOut, summary="Submit for signature")
async def submit_evaluation(caller: Submitter, evaluation: ToSubmit, session: Session, reply: Replies) -> Response:
    """送审, as the region's editor: nobody changes the items from here on. 422 points to each figure and statement
    that is missing."""
    await service.submit(session, caller, evaluation)
    return await _moved(session, caller, evaluation, reply)


@routes.post("/{evaluation_id}/send-back", response_model=EvaluationOut, summary="Send back to the editor")
async def send_back_evaluation(
    caller: Signer,
    evaluation: ToSendBack,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="第二项佐证材料与填报数据不符，请核对（示例）")],
) -> Response:
    """As the region's approver, with the reason: to the state that it was submitted from."""
    await service.send_back(session, evaluation, body.reason)
    return await _moved(session, caller, evaluation, reply)


@routes.post("/{evaluation_id}/sign", response_model=EvaluationOut, summary="Sign and send")
async def sign_evaluation(caller: Signer, evaluation: ToSign, session: Session, reply: Replies) -> Response:
    """签发, by the region's approver, not by who submitted it (409 `four_eyes`): freezes a version and sends it."""
    await service.sign(session, caller, evaluation)
    return await _moved(session, caller, evaluation, reply)


@routes.post("/{evaluation_id}/accept", response_model=EvaluationOut, summary="Accept for review")
async def accept_evaluation(caller: Handler, evaluation: ToAccept, session: Session, reply: Replies) -> Response:
    """受理, by the office: opens the appraisal file, and a panel of experts on the version as it was signed. Not by
    who submitted or signed a version, nor by the region's own staff, nor by who is recused from the region (403
    `recused`, Art. 11)."""
    await service.accept(session, caller, evaluation)
    return await _moved(session, caller, evaluation, reply)


@routes.post("/{evaluation_id}/return", response_model=EvaluationOut, summary="Return for completion")
async def return_evaluation(
    caller: Handler, evaluation: ToReturn, session: Session, reply: Replies, body: EvaluationReturnIn
) -> Response:
    """退回补正, by the office, with remarks item by item. Refused as accepting is."""
    await service.send_for_completion(session, caller, evaluation, body)
    return await _moved(session, caller, evaluation, reply)


async def _moved(session: AsyncSession, caller: Caller, evaluation: Evaluation, reply: Reply) -> Response:
    shown = await views.show(session, caller, evaluation)
    return reply(shown, version=evaluation.version, location=f"/v1/evaluations/{evaluation.id}")
