"""Yearly plans (年度计划, Art. 3)."""

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
from app.models.plans import Plan
from app.plans import repository, service, views
from app.plans.dependencies import (
    Drafter,
    Filer,
    PlanToAmend,
    PlanToEdit,
    PlanToFile,
    PlanToReturn,
    PlanToSendBack,
    PlanToSign,
    PlanToSubmit,
    Reader,
    Signer,
    Submitter,
    VisiblePlan,
    Writer,
)
from app.plans.schemas import PlanFilters, PlanIn, PlanOut, PlanPatch, PlanReturnIn, PlanSummary, SignatureIn

routes = router("/v1/plans", tag="plans")


@routes.get("", summary="List plans")
async def list_plans(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[PlanFilters, Query()]
) -> Page[PlanSummary]:
    """Your region's plans in any state; for the league's office, committee, inspector, departments, what was sent."""
    statement = repository.listed(
        region_code=filters.region_code, year=filters.year, state=filters.state, updated_since=filters.updated_since
    )
    page = await pages.of(session, statement, filters, repository.ORDERS[filters.sort])
    return page.show_rows(PlanSummary.model_validate)


@routes.post(
    "",
    status_code=201,
    response_model=PlanOut,
    summary="Start a plan",
    dependencies=[may_answer(e.FORBIDDEN, e.CONFLICT)],
)
async def create_plan(caller: Drafter, session: Session, reply: Replies, body: PlanIn) -> Response:
    """As the region's editor. A region has one plan a year: a second one is refused (409
    `conflict`, reason `plan_exists`)."""
    plan = await service.create(session, caller, body)
    shown = await views.show(session, caller, plan)
    return reply(shown, version=plan.version, location=f"/v1/plans/{plan.id}", created=True)


@routes.get("/{plan_id}", response_model=PlanOut, summary="Get a plan")
async def get_plan(caller: Reader, plan: VisiblePlan, session: Session, reply: Replies) -> Response:
    """Staff of the region read the working copy, everybody else the latest version that was sent (`content_source`)."""
    return reply(await views.show(session, caller, plan), version=plan.version)


@routes.patch("/{plan_id}", response_model=PlanOut, summary="Change a plan's texts")
async def update_plan(caller: Writer, plan: PlanToEdit, session: Session, reply: Replies, body: PlanPatch) -> Response:
    """The working copy, in the states `draft`, `returned`, `amending`. The items have versions of their own."""
    await service.edit(session, plan, body)
    return reply(await views.show(session, caller, plan), version=plan.version)


@routes.post("/{plan_id}/submit", response_model=PlanOut, summary="Submit a plan for signature")
async def submit_plan(caller: Submitter, plan: PlanToSubmit, session: Session, reply: Replies) -> Response:
    """送审: from `draft`, `returned`, `amending` to `awaiting_signature`. Nobody changes the working copy from here on.

    422 points to what Art. 3 asks for and is missing: the resource assessment, and at least one target, task,
    arrangement, safeguard and preparer."""
    await service.submit(session, caller, plan)
    return await _moved(session, caller, plan, reply)


@routes.post("/{plan_id}/send-back", response_model=PlanOut, summary="Send a plan back to its editor")
async def send_back_plan(
    caller: Signer,
    plan: PlanToSendBack,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="指标基期值与统计公报不一致，请核对后重新送审（示例）")],
) -> Response:
    """As the region's approver, with the reason: to the state that it was submitted from."""
    await service.send_back(session, plan, body.reason)
    return await _moved(session, caller, plan, reply)


@routes.post("/{plan_id}/sign", response_model=PlanOut, summary="Sign a plan and send it")
async def sign_plan(caller: Signer, plan: PlanToSign, session: Session, reply: Replies, body: SignatureIn) -> Response:
    """签发, by the region's approver, not by who submitted it (409 `four_eyes`): freezes a version and sends it."""
    await service.sign(session, caller, plan, body)
    return await _moved(session, caller, plan, reply)


@routes.post("/{plan_id}/file", response_model=PlanOut, summary="File a plan")
async def file_plan(caller: Filer, plan: PlanToFile, session: Session, reply: Replies) -> Response:
    """备案, by the office: the filing number is the next of the year. Not by who submitted or signed a version (409
    `four_eyes`), nor by who is recused from the region (403 `recused`, Art. 11)."""
    await service.file(session, caller, plan)
    return await _moved(session, caller, plan, reply)


@routes.post("/{plan_id}/return", response_model=PlanOut, summary="Return a plan for completion")
async def return_plan(
    caller: Filer, plan: PlanToReturn, session: Session, reply: Replies, body: PlanReturnIn
) -> Response:
    """退回补正, by the office: with remarks section by section and item by item. Refused as filing is."""
    await service.send_for_completion(session, caller, plan, body)
    return await _moved(session, caller, plan, reply)


@routes.post("/{plan_id}/amend", response_model=PlanOut, summary="Amend a filed plan")
async def amend_plan(
    caller: Drafter,
    plan: PlanToAmend,
    session: Session,
    reply: Replies,
    body: Annotated[ReasonBody, for_example(reason="年中任务调整，需修订第三部分（示例）")],
) -> Response:
    """调整, by the region's editor, with the reason. The filed version stands until the amended one is filed."""
    await service.amend(session, plan, body.reason)
    return await _moved(session, caller, plan, reply)


async def _moved(session: AsyncSession, caller: Caller, plan: Plan, reply: Reply) -> Response:
    shown = await views.show(session, caller, plan)
    return reply(shown, version=plan.version, location=f"/v1/plans/{plan.id}")
