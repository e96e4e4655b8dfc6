"""Key tasks (重点任务)."""

from typing import Annotated

from fastapi import Depends, Query, Response

from app.auth.dependencies import Session
from app.core.etag import Replies
from app.core.pagination import Page, PageParams, Paging
from app.core.routing import router
from app.models.plans import PlanTask
from app.plans import views
from app.plans.dependencies import Drafter, Reader, VisiblePlan, Writer
from app.plans.items import repository, service
from app.plans.items.dependencies import HeldPlan, ItemToChange, VisibleItem
from app.plans.items.kinds import TASKS
from app.plans.items.schemas import TaskIn, TaskOut, TaskPatch

routes = router("/v1/plans/{plan_id}/tasks", tag="plans")

Visible = Annotated[TaskOut, Depends(VisibleItem(TASKS))]
ToChange = Annotated[PlanTask, Depends(ItemToChange(TASKS))]


@routes.get("", summary="List a plan's key tasks")
async def list_plan_tasks(
    caller: Reader, plan: VisiblePlan, session: Session, pages: Paging, params: Annotated[PageParams, Query()]
) -> Page[TaskOut]:
    """In their order: of the working copy for the region's staff, of the latest version for everybody else."""
    statement, order = repository.listed(TASKS, plan, working=views.reads_working_copy(caller, plan))
    return (await pages.of(session, statement, params, order)).show(TASKS.show)


@routes.post("", status_code=201, response_model=TaskOut, summary="Add a task")
async def create_plan_task(
    _caller: Drafter, plan: HeldPlan, session: Session, reply: Replies, body: TaskIn
) -> Response:
    """A key task with the body that answers for it."""
    task = await service.add(session, plan, TASKS, body)
    location = f"/v1/plans/{plan.id}/tasks/{task.id}"
    return reply(TASKS.show(task), version=task.version, location=location, created=True)


@routes.get("/{item_id}", response_model=TaskOut, summary="Get a task")
async def get_plan_task(_caller: Reader, task: Visible, reply: Replies) -> Response:
    """One task, with an ETag of its own."""
    return reply(task, version=task.version or 1)


@routes.patch("/{item_id}", response_model=TaskOut, summary="Change a task")
async def update_plan_task(
    _caller: Writer, task: ToChange, session: Session, reply: Replies, body: TaskPatch
) -> Response:
    """Members that are absent stay; null clears what may be empty. The plan's own version does not move."""
    await service.change(session, TASKS, task, body)
    return reply(TASKS.show(task), version=task.version)


@routes.delete("/{item_id}", status_code=204, summary="Remove a task")
async def delete_plan_task(_caller: Writer, task: ToChange, session: Session) -> None:
    """From the working copy; the versions that were sent keep it."""
    await service.remove(session, TASKS, task)
