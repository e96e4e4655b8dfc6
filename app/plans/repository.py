"""Plans' SQL. The row policies decide who sees what; nothing here widens them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.directory import Region
from app.models.plans import Plan, PlanDraft, PlanFiling, PlanFilingSeries, PlanVersion

_UPDATED = (Plan.updated_at.expression, Plan.id.expression)
_REGION = (Plan.region_code.expression, Plan.year.expression, Plan.id.expression)
_YEAR = (Plan.year.expression, Plan.region_code.expression, Plan.id.expression)
ORDERS = {
    "updated_at": Order(_UPDATED),
    "-updated_at": Order(_UPDATED, descending=True),
    "region_code": Order(_REGION),
    "-region_code": Order(_REGION, descending=True),
    "year": Order(_YEAR),
    "-year": Order(_YEAR, descending=True),
}


def listed(
    *, region_code: str | None, year: int | None, state: str | None, updated_since: datetime | None
) -> Select[*tuple[Any, ...]]:
    """Plans with the number of the filing in force."""
    statement: Select[*tuple[Any, ...]] = select(
        Plan.id,
        Plan.region_code,
        Plan.year,
        Plan.state,
        Plan.latest_version,
        _filing_number().label("filing_number"),
        Plan.version,
        Plan.updated_at,
    )
    if region_code is not None:
        statement = statement.where(Plan.region_code == region_code)
    if year is not None:
        statement = statement.where(Plan.year == year)
    if state is not None:
        statement = statement.where(Plan.state == state)
    if updated_since is not None:
        statement = statement.where(Plan.updated_at >= updated_since)
    return statement


def _filing_number() -> ScalarSelect[str | None]:
    return (
        select(PlanFiling.filing_number)
        .where(PlanFiling.plan_id == Plan.id, PlanFiling.outcome == "filed")
        .order_by(PlanFiling.version_number.desc())
        .limit(1)
        .scalar_subquery()
    )


async def one(session: AsyncSession, plan_id: UUID) -> Plan | None:
    return await session.get(Plan, plan_id)


async def locked(session: AsyncSession, plan_id: UUID, *, share: bool = False) -> Plan | None:
    """The plan as it stands under the lock. `share`: many may hold it at once, but nobody moves the plan meanwhile."""
    statement = select(Plan).where(Plan.id == plan_id).with_for_update(read=share)
    return await session.scalar(statement.execution_options(populate_existing=True))


async def draft(session: AsyncSession, plan_id: UUID) -> PlanDraft:
    return (await session.scalars(select(PlanDraft).where(PlanDraft.plan_id == plan_id))).one()


async def latest_version(session: AsyncSession, plan: Plan) -> PlanVersion | None:
    return await session.get(PlanVersion, (plan.id, plan.latest_version)) if plan.latest_version else None


async def latest_filed(session: AsyncSession, plan_id: UUID) -> PlanFiling | None:
    """The filing in force: the latest one, for an amended plan stays filed under it until the next."""
    statement = select(PlanFiling).where(PlanFiling.plan_id == plan_id, PlanFiling.outcome == "filed")
    return await session.scalar(statement.order_by(PlanFiling.version_number.desc()).limit(1))


async def outcome(session: AsyncSession, plan_id: UUID, number: int) -> str | None:
    """The office's answer to a version: `filed`, `returned`, or none yet."""
    statement = select(PlanFiling.outcome).where(PlanFiling.plan_id == plan_id, PlanFiling.version_number == number)
    return await session.scalar(statement)


async def took_part(session: AsyncSession, plan_id: UUID, person_id: UUID) -> tuple[bool, bool]:
    """Whether the person submitted, and signed, any version of the plan."""
    statement = select(
        func.coalesce(func.bool_or(PlanVersion.submitted_by == person_id), False),
        func.coalesce(func.bool_or(PlanVersion.signed_by == person_id), False),
    ).where(PlanVersion.plan_id == plan_id)
    submitted, signed = (await session.execute(statement)).one()
    return submitted, signed


async def region_exists(session: AsyncSession, code: str) -> bool:
    return await session.scalar(select(Region.code).where(Region.code == code)) is not None


async def next_serial(session: AsyncSession, year: int) -> int:
    """The next number of the year's filings; its row stays locked until the filing is committed, so none is lost."""
    statement = insert(PlanFilingSeries).values(year=year, last=1)
    statement = statement.on_conflict_do_update(
        index_elements=[PlanFilingSeries.year], set_={"last": PlanFilingSeries.last + 1}
    )
    serial: int = (await session.execute(statement.returning(PlanFilingSeries.last))).scalar_one()
    return serial
