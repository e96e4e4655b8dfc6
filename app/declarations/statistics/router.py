"""Statistics of recusals: strategic ones show (Art. 11)."""

from typing import Annotated

from fastapi import Query

from app.auth.dependencies import Session
from app.core.pagination import Paging
from app.core.routing import router
from app.declarations.recusals.dependencies import Reader
from app.declarations.statistics import repository
from app.declarations.statistics.schemas import RecusalStatistics, StatisticsFilters, StatisticsPage

routes = router("/v1/recusal-statistics", tag="declarations")


@routes.get("", summary="Count recusals by person")
async def list_recusal_statistics(
    _caller: Reader, session: Session, pages: Paging, filters: Annotated[StatisticsFilters, Query()]
) -> StatisticsPage:
    """By who began them and what became of them, beside how often the person was invited: who dodges work, and whom
    parties would rather not meet. Counted over what you may see, so two officers may read different numbers."""
    statement, order = repository.by_person(year=filters.year)
    page = await pages.of(session, statement, filters, order)
    items = [RecusalStatistics.model_validate(row._mapping, from_attributes=False) for row in page.rows]
    return StatisticsPage(population="visible_to_you", items=items, next_cursor=page.next_cursor, total=page.total)
