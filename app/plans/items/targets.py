"""Yearly targets (年度目标) on shared indicators."""

from typing import Annotated

from fastapi import Depends, Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.models.plans import PlanTarget
from app.plans import views
from app.plans.dependencies import Drafter, Reader, VisiblePlan, Writer
from app.plans.items import repository, service
from app.plans.items.dependencies import HeldPlan, ItemToChange, VisibleItem
from app.plans.items.kinds import TARGETS
from app.plans.items.schemas import TargetIn, TargetOut, TargetPatch

routes = router("/v1/plans/{plan_id}/targets", tag="plans")

Visible = Annotated[TargetOut, Depends(VisibleItem(TARGETS))]
ToChange = Annotated[PlanTarget, Depends(ItemToChange(TARGETS))]


@routes.get("", summary="List a plan's yearly targets")
async def list_plan_targets(
    caller: Reader, plan: VisiblePlan, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[TargetOut]:
    """In their order: of the working copy for the region's staff, of the latest version for everybody else."""
    statement, order = repository.listed(TARGETS, plan, working=views.reads_working_copy(caller, plan))
    return (await pages.of(session, statement, params, order)).show(TARGETS.show)


@routes.post("", status_code=201, response_model=TargetOut, summary="Add a target")
async def create_plan_target(
    _caller: Drafter, plan: HeldPlan, session: Session, reply: Replies, body: TargetIn
) -> Response:
    """A target on an indicator; a plan has one per indicator (409 `conflict`, reason
    `indicator_taken`)."""
    target = await service.add(session, plan, TARGETS, body)
    location = f"/v1/plans/{plan.id}/targets/{target.id}"
    return reply(TARGETS.show(target), version=target.version, location=location, created=True)


@routes.get("/{item_id}", response_model=TargetOut, summary="Get a target")
async def get_plan_target(_caller: Reader, target: Visible, reply: Replies) -> Response:
    """One target, with an ETag of its own."""
    return reply(target, version=target.version or 1)


@routes.patch("/{item_id}", response_model=TargetOut, summary="Change a target")
async def update_plan_target(
    _caller: Writer, target: ToChange, session: Session, reply: Replies, body: TargetPatch
) -> Response:
    """Members that are absent stay; null clears what may be empty. The plan's own version does not move."""
    await service.change(session, TARGETS, target, body)
    return reply(TARGETS.show(target), version=target.version)


@routes.delete("/{item_id}", status_code=204, summary="Remove a target")
async def delete_plan_target(_caller: Writer, target: ToChange, session: Session) -> None:
    """From the working copy; the versions that were sent keep it."""
    await service.remove(session, TARGETS, target)
