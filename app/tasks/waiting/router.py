"""What waits for me."""

from typing import Annotated

from fastapi import Query

from app.auth.dependencies import Session
from app.core.db import entered
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
    """For a region: plans, self-evaluations and cases to write, complete, sign, recommend. For the league: plans to
    file, projects to admit, self-evaluations to accept, cases to review, shares of the draws' seed to commit to and to
    open, panels to draw, results to appraise, grade and approve, recusals to decide. For an expert: invitations,
    declarations, sheets. For everybody who judges: this year's commitment and declaration (Art. 11).

    Only what you may do now: nothing from which you are recused, nothing that your own hand in it bars you from. What
    is due first comes first. Derived at the moment of asking: what is done is gone."""
    statement, order = repository.waiting(caller, filters, entered(session).year)
    return (await pages.of(session, statement, filters, order)).show_rows(WaitingItem.model_validate)
