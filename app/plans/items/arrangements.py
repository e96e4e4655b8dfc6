"""Project arrangements (项目安排)."""

from typing import Annotated

from fastapi import Depends, Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.models.plans import PlanArrangement
from app.plans import views
from app.plans.dependencies import Drafter, Reader, VisiblePlan, Writer
from app.plans.items import repository, service
from app.plans.items.dependencies import HeldPlan, ItemToChange, VisibleItem
from app.plans.items.kinds import ARRANGEMENTS
from app.plans.items.schemas import ArrangementIn, ArrangementOut, ArrangementPatch

routes = router("/v1/plans/{plan_id}/arrangements", tag="plans")

Visible = Annotated[ArrangementOut, Depends(VisibleItem(ARRANGEMENTS))]
ToChange = Annotated[PlanArrangement, Depends(ItemToChange(ARRANGEMENTS))]


@routes.get("", summary="List a plan's project arrangements")
async def list_plan_arrangements(
    caller: Reader, plan: VisiblePlan, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[ArrangementOut]:
    """In their order: of the working copy for the region's staff, of the latest version for everybody else."""
    statement, order = repository.listed(ARRANGEMENTS, plan, working=views.reads_working_copy(caller, plan))
    return (await pages.of(session, statement, params, order)).show(ARRANGEMENTS.show)


@routes.post("", status_code=201, response_model=ArrangementOut, summary="Add an arrangement")
async def create_plan_arrangement(
    _caller: Drafter, plan: HeldPlan, session: Session, reply: Replies, body: ArrangementIn
) -> Response:
    """A project to be built or prepared; `project_id` must be one of the region's projects that you can see."""
    arrangement = await service.add(session, plan, ARRANGEMENTS, body)
    location = f"/v1/plans/{plan.id}/arrangements/{arrangement.id}"
    return reply(ARRANGEMENTS.show(arrangement), version=arrangement.version, location=location, created=True)


@routes.get("/{item_id}", response_model=ArrangementOut, summary="Get an arrangement")
async def get_plan_arrangement(_caller: Reader, arrangement: Visible, reply: Replies) -> Response:
    """One arrangement, with an ETag of its own."""
    return reply(arrangement, version=arrangement.version or 1)


@routes.patch("/{item_id}", response_model=ArrangementOut, summary="Change an arrangement")
async def update_plan_arrangement(
    _caller: Writer, arrangement: ToChange, session: Session, reply: Replies, body: ArrangementPatch
) -> Response:
    """Members that are absent stay; null clears what may be empty. The plan's own version does not move."""
    await service.change(session, ARRANGEMENTS, arrangement, body)
    return reply(ARRANGEMENTS.show(arrangement), version=arrangement.version)


@routes.delete("/{item_id}", status_code=204, summary="Remove an arrangement")
async def delete_plan_arrangement(_caller: Writer, arrangement: ToChange, session: Session) -> None:
    """From the working copy; the versions that were sent keep it."""
    await service.remove(session, ARRANGEMENTS, arrangement)
