"""Reporting tasks (报送任务)."""

from typing import Annotated

from fastapi import Query, Response

from app.auth.dependencies import Session
from app.core.db import league_today
from app.core.etag import Replies
from app.core.pagination import Page, Paging
from app.core.routing import router
from app.tasks.reporting import repository, service
from app.tasks.reporting.dependencies import Issuer, Reader, Show, TaskToClose, TaskToExtend, VisibleTask
from app.tasks.reporting.schemas import (
    ExtensionIn,
    ReportingTaskFilters,
    ReportingTaskIn,
    ReportingTaskOut,
    ReportingTaskSummary,
)

routes = router("/v1/reporting-tasks", tag="tasks")


@routes.get("", summary="List reporting tasks")
async def list_reporting_tasks(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[ReportingTaskFilters, Query()]
) -> Page[ReportingTaskSummary]:
    """What was asked for, with a tally of the regions that you see: your own, or all for the league."""
    statement = repository.listed(year=filters.year, state=filters.state, region_code=filters.region_code)
    page = await pages.of(session, statement, filters, repository.ORDERS[filters.sort])
    today = league_today(session)
    lines = await repository.lines(session, [row[0].id for row in page.rows], today)
    return page.show(lambda task: ReportingTaskSummary.of(task, lines.get(task.id, [])))


@routes.post("", status_code=201, response_model=ReportingTaskOut, summary="Issue a reporting task")
async def create_reporting_task(
    caller: Issuer, session: Session, reply: Replies, show: Show, body: ReportingTaskIn
) -> Response:
    """Addressed to the regions named, or to every assessed region."""
    task = await service.issue(session, body, issuer=caller.id)
    place = f"/v1/reporting-tasks/{task.id}"
    return reply(await show(task), version=task.version, location=place, created=True)


@routes.get("/{task_id}", response_model=ReportingTaskOut, summary="Get a reporting task")
async def get_reporting_task(_caller: Reader, task: VisibleTask, reply: Replies, show: Show) -> Response:
    """Who has reported and who is late, derived from the signed plans and the league's calendar day (UTC+8)."""
    return reply(await show(task), version=task.version)


@routes.post("/{task_id}/extend", response_model=ReportingTaskOut, summary="Extend a reporting task")
async def extend_reporting_task(
    caller: Issuer, task: TaskToExtend, session: Session, reply: Replies, show: Show, body: ExtensionIn
) -> Response:
    """A later day for the regions named, with the reason; all of them or none. Nobody extends for a region from
    which they are recused (403 `recused`)."""
    task = await service.extend(session, task, body, by=caller.id)
    return reply(await show(task), version=task.version, location=f"/v1/reporting-tasks/{task.id}")


@routes.post("/{task_id}/close", response_model=ReportingTaskOut, summary="Close a reporting task")
async def close_reporting_task(
    _caller: Issuer, task: TaskToClose, session: Session, reply: Replies, show: Show
) -> Response:
    """It waits for nobody any more and is extended no more. Final."""
    task = await service.close(session, task)
    return reply(await show(task), version=task.version, location=f"/v1/reporting-tasks/{task.id}")
