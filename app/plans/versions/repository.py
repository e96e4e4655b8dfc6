"""Versions' and filings' SQL: what was sent, and what was answered."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.pagination import Order
from app.models.plans import PlanFiling, PlanVersion

VERSIONS = Order((PlanVersion.number.expression,), descending=True)
FILINGS = Order((PlanFiling.version_number.expression, PlanFiling.id.expression), descending=True)


def versions(plan_id: UUID) -> Select[*tuple[Any, ...]]:
    """Without their content, which can be large."""
    return select(
        PlanVersion.number,
        PlanVersion.content_hash,
        PlanVersion.submitted_by,
        PlanVersion.signed_by,
        PlanVersion.signed_at,
        PlanVersion.document_number,
        PlanVersion.document_date,
        PlanVersion.amendment_reason,
    ).where(PlanVersion.plan_id == plan_id)


async def version(session: AsyncSession, plan_id: UUID, number: int) -> PlanVersion | None:
    return await session.get(PlanVersion, (plan_id, number))


def filings(plan_id: UUID) -> Select[PlanFiling]:
    return select(PlanFiling).where(PlanFiling.plan_id == plan_id)
