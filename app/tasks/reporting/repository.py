"""Reporting tasks' SQL. Whether a region reported is read from its signed plan versions."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import Select, exists, func, insert, select, update
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import db
from app.core.clock import league_date
from app.core.pagination import Order
from app.models.directory import Region
from app.models.plans import Plan, PlanVersion
from app.models.tasks import ReportingTask, ReportingTaskRegion
from app.tasks.reporting.rules import TaskState, standing
from app.tasks.reporting.schemas import TaskLine, TaskSort

_COLUMNS = (ReportingTask.due_on.expression, ReportingTask.id.expression)
ORDERS = {TaskSort.DUE_FIRST: Order(_COLUMNS), TaskSort.DUE_LAST: Order(_COLUMNS, descending=True)}


def listed(*, year: int | None, state: TaskState | None, region_code: str | None) -> Select[ReportingTask]:
    statement = select(ReportingTask)
    if year is not None:
        statement = statement.where(ReportingTask.year == year)
    if state is not None:
        statement = statement.where(ReportingTask.state == state)
    if region_code is not None:
        addressed = exists().where(
            ReportingTaskRegion.task_id == ReportingTask.id, ReportingTaskRegion.region_code == region_code
        )
        statement = statement.where(addressed)
    return statement


async def one(session: AsyncSession, task_id: UUID, *, lock: bool = False) -> ReportingTask | None:
    return await (db.locked(session, ReportingTask, task_id) if lock else session.get(ReportingTask, task_id))


async def lines(session: AsyncSession, tasks: Sequence[UUID], today: date) -> dict[UUID, list[TaskLine]]:
    """The lines of these tasks that the caller sees, in one query. A plan's first version is what reported it."""
    rows = await session.execute(
        select(
            ReportingTaskRegion.task_id,
            ReportingTaskRegion.region_code,
            Region.name_zh,
            func.coalesce(ReportingTaskRegion.extended_to, ReportingTask.due_on).label("due_on"),
            ReportingTaskRegion.extended_to,
            ReportingTaskRegion.extension_reason,
            PlanVersion.signed_at,
        )
        .join(ReportingTask, ReportingTask.id == ReportingTaskRegion.task_id)
        .join(Region, Region.code == ReportingTaskRegion.region_code)
        .outerjoin(Plan, (Plan.region_code == ReportingTaskRegion.region_code) & (Plan.year == ReportingTask.year))
        .outerjoin(PlanVersion, (PlanVersion.plan_id == Plan.id) & (PlanVersion.number == 1))
        .where(ReportingTaskRegion.task_id.in_(tasks))
        .order_by(ReportingTaskRegion.region_code)
    )
    found: dict[UUID, list[TaskLine]] = defaultdict(list)
    for row in rows:
        done_on = league_date(row.signed_at) if row.signed_at else None
        stands = standing(due_on=row.due_on, done_on=done_on, today=today)
        found[row.task_id].append(
            TaskLine(
                region_code=row.region_code,
                region_name=row.name_zh,
                due_on=row.due_on,
                extended_to=row.extended_to,
                extension_reason=row.extension_reason,
                state=stands.state,
                done_at=row.signed_at,
                days_late=stands.days_late,
            )
        )
    return found


async def assessed_regions(session: AsyncSession) -> list[str]:
    return list(await session.scalars(select(Region.code).where(Region.assessed).order_by(Region.code)))


async def address(session: AsyncSession, task_id: UUID, regions: Sequence[str]) -> None:
    await session.execute(
        insert(ReportingTaskRegion),
        [
            {
                "task_id": task_id,
                "region_code": code,
                "extended_to": None,
                "extension_reason": None,
                "extended_by": None,
            }
            for code in regions
        ],
    )


async def extend(
    session: AsyncSession, task_id: UUID, regions: Sequence[str], *, to: date, reason: str, by: UUID
) -> int:
    """How many lines were extended: fewer than asked for where a wall hides one from its update."""
    result = await session.execute(
        update(ReportingTaskRegion)
        .where(ReportingTaskRegion.task_id == task_id, ReportingTaskRegion.region_code.in_(regions))
        .values(extended_to=to, extension_reason=reason, extended_by=by)
    )
    assert isinstance(result, CursorResult)  # noqa: S101 - what an UPDATE without RETURNING gives
    return result.rowcount
