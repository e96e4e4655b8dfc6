"""Case files' SQL. For a request the row policies decide what is there; jobs see all rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.cases import CaseFile
from app.models.reviews import Panel, ReviewCopy, SubjectOfReview

# By region, never by time or total: an order in which things were judged is nobody's to see.
ORDER = Order((CaseFile.region_code.expression, CaseFile.id.expression))


def listed(
    *, round_id: UUID | None, region_code: str | None, state: str | None, stale: bool | None
) -> Select[CaseFile]:
    statement = select(CaseFile)
    if round_id is not None:
        statement = statement.where(CaseFile.round_id == round_id)
    if region_code is not None:
        statement = statement.where(CaseFile.region_code == region_code)
    if state is not None:
        statement = statement.where(CaseFile.state == state)
    if stale is not None:
        statement = statement.where(CaseFile.stale.is_(stale))
    return statement


async def one(session: AsyncSession, file_id: UUID) -> CaseFile | None:
    return await session.get(CaseFile, file_id)


async def panel(session: AsyncSession, case_id: UUID) -> Panel | None:
    """As it stands now, whatever this session read before."""
    statement = select(Panel).where(Panel.subject_kind == SubjectOfReview.CASE, Panel.subject_id == case_id)
    return await session.scalar(statement.execution_options(populate_existing=True))


# From here on for jobs only: they see all rows.


async def locked_of(session: AsyncSession, case_id: UUID) -> CaseFile | None:
    statement = select(CaseFile).where(CaseFile.case_id == case_id).with_for_update()
    return await session.scalar(statement.execution_options(populate_existing=True))


async def locked_all(session: AsyncSession, round_id: UUID) -> Sequence[CaseFile]:
    """In the order in which the gate locks them, too."""
    statement = select(CaseFile).where(CaseFile.round_id == round_id).order_by(CaseFile.id).with_for_update()
    return (await session.scalars(statement)).all()


async def application_pending(session: AsyncSession, file: CaseFile) -> bool:
    return bool(await session.scalar(select(func.gate.pending_on(file.region_code, file.case_id))))


async def contents(session: AsyncSession, cases: Sequence[UUID]) -> Sequence[dict[str, Any]]:
    """The frozen copies of these cases, each with its `case_id`: what was judged is what is published."""
    statement = (
        select(Panel.subject_id, ReviewCopy.content)
        .join(Panel, Panel.id == ReviewCopy.panel_id)
        .where(Panel.subject_kind == SubjectOfReview.CASE, Panel.subject_id.in_(cases))
    )
    return [{**content, "case_id": str(case)} for case, content in await session.execute(statement)]
