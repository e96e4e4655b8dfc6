"""Who prepared the plan (编制单位、人员)."""

from typing import Annotated

from fastapi import Depends, Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.models.plans import PlanPreparer
from app.plans import views
from app.plans.dependencies import Drafter, Reader, VisiblePlan, Writer
from app.plans.items import repository, service
from app.plans.items.dependencies import HeldPlan, ItemToChange, VisibleItem
from app.plans.items.kinds import PREPARERS
from app.plans.items.schemas import PreparerIn, PreparerOut, PreparerPatch

routes = router("/v1/plans/{plan_id}/preparers", tag="plans")

Visible = Annotated[PreparerOut, Depends(VisibleItem(PREPARERS))]
ToChange = Annotated[PlanPreparer, Depends(ItemToChange(PREPARERS))]


@routes.get("", summary="List a plan's preparers")
async def list_plan_preparers(
    caller: Reader, plan: VisiblePlan, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[PreparerOut]:
    """In their order: of the working copy for the region's staff, of the latest version for everybody else."""
    statement, order = repository.listed(PREPARERS, plan, working=views.reads_working_copy(caller, plan))
    return (await pages.of(session, statement, params, order)).show(PREPARERS.show)


@routes.post("", status_code=201, response_model=PreparerOut, summary="Add a preparer")
async def create_plan_preparer(
    _caller: Drafter, plan: HeldPlan, session: Session, reply: Replies, body: PreparerIn
) -> Response:
    """A body, a person of the directory, or a name. Having prepared a plan can call for recusal later (Art. 11)."""
    preparer = await service.add(session, plan, PREPARERS, body)
    location = f"/v1/plans/{plan.id}/preparers/{preparer.id}"
    return reply(PREPARERS.show(preparer), version=preparer.version, location=location, created=True)


@routes.get("/{item_id}", response_model=PreparerOut, summary="Get a preparer")
async def get_plan_preparer(_caller: Reader, preparer: Visible, reply: Replies) -> Response:
    """One preparer, with an ETag of its own."""
    return reply(preparer, version=preparer.version or 1)


@routes.patch("/{item_id}", response_model=PreparerOut, summary="Change a preparer")
async def update_plan_preparer(
    _caller: Writer, preparer: ToChange, session: Session, reply: Replies, body: PreparerPatch
) -> Response:
    """Members that are absent stay; null clears what may be empty. The plan's own version does not move."""
    await service.change(session, PREPARERS, preparer, body)
    return reply(PREPARERS.show(preparer), version=preparer.version)


@routes.delete("/{item_id}", status_code=204, summary="Remove a preparer")
async def delete_plan_preparer(_caller: Writer, preparer: ToChange, session: Session) -> None:
    """From the working copy; the versions that were sent keep it."""
    await service.remove(session, PREPARERS, preparer)
