"""What waits for me."""

from typing import Annotated

from fastapi import Query

from app.auth.dependencies import Session
from app.core.pagination import Page, Paging
from app.core.routing import router
from app.tasks.reporting.dependencies import Reader
from app.tasks.waiting import repository
from app.tasks.waiting.schemas import WaitingFilters, WaitingItem

routes = router("/v1/tasks", tag="tasks")


@routes.get("", summary="List what waits for me")
async def list_waiting(
    caller: Reader, session: Session, pages: Paging, filters: Annotated[WaitingFilters, Query()]
) -> Page[WaitingItem]:
    """For an editor: plans to report, to finish, to complete after a return. For an approver: plans to sign. For
    the office: plans to file and projects to admit, without those from which you are recused. What is due first
    comes first. Derived at the moment of asking: what is done is gone."""
    statement, order = repository.waiting(caller, filters)
    return (await pages.of(session, statement, filters, order)).show_rows(WaitingItem.model_validate)
