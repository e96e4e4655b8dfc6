"""Safeguards (保障措施)."""

from typing import Annotated

from fastapi import Depends, Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.models.plans import PlanSafeguard
from app.plans import views
from app.plans.dependencies import Drafter, Reader, VisiblePlan, Writer
from app.plans.items import repository, service
from app.plans.items.dependencies import HeldPlan, ItemToChange, VisibleItem
from app.plans.items.kinds import SAFEGUARDS
from app.plans.items.schemas import SafeguardIn, SafeguardOut, SafeguardPatch

routes = router("/v1/plans/{plan_id}/safeguards", tag="plans")

Visible = Annotated[SafeguardOut, Depends(VisibleItem(SAFEGUARDS))]
ToChange = Annotated[PlanSafeguard, Depends(ItemToChange(SAFEGUARDS))]


@routes.get("", summary="List a plan's safeguards")
async def list_plan_safeguards(
    caller: Reader, plan: VisiblePlan, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[SafeguardOut]:
    """In their order: of the working copy for the region's staff, of the latest version for everybody else."""
    statement, order = repository.listed(SAFEGUARDS, plan, working=views.reads_working_copy(caller, plan))
    return (await pages.of(session, statement, params, order)).show(SAFEGUARDS.show)


@routes.post("", status_code=201, response_model=SafeguardOut, summary="Add a safeguard")
async def create_plan_safeguard(
    _caller: Drafter, plan: HeldPlan, session: Session, reply: Replies, body: SafeguardIn
) -> Response:
    """A safeguard: organisation, funding, policy, technology, land."""
    safeguard = await service.add(session, plan, SAFEGUARDS, body)
    location = f"/v1/plans/{plan.id}/safeguards/{safeguard.id}"
    return reply(SAFEGUARDS.show(safeguard), version=safeguard.version, location=location, created=True)


@routes.get("/{item_id}", response_model=SafeguardOut, summary="Get a safeguard")
async def get_plan_safeguard(_caller: Reader, safeguard: Visible, reply: Replies) -> Response:
    """One safeguard, with an ETag of its own."""
    return reply(safeguard, version=safeguard.version or 1)


@routes.patch("/{item_id}", response_model=SafeguardOut, summary="Change a safeguard")
async def update_plan_safeguard(
    _caller: Writer, safeguard: ToChange, session: Session, reply: Replies, body: SafeguardPatch
) -> Response:
    """Members that are absent stay; null clears what may be empty. The plan's own version does not move."""
    await service.change(session, SAFEGUARDS, safeguard, body)
    return reply(SAFEGUARDS.show(safeguard), version=safeguard.version)


@routes.delete("/{item_id}", status_code=204, summary="Remove a safeguard")
async def delete_plan_safeguard(_caller: Writer, safeguard: ToChange, session: Session) -> None:
    """From the working copy; the versions that were sent keep it."""
    await service.remove(session, SAFEGUARDS, safeguard)
