"""Cycles and appraisal files, as if everything before had been done."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.evaluations import AppraisalFile, EvaluationCycle, EvaluationScheme
from tests.reviews.scene import REGION


async def cycle_of(session: AsyncSession, year: int) -> UUID:
    """The year's cycle, closed; made where there is none."""
    known = await session.scalar(select(EvaluationCycle.id).where(EvaluationCycle.assessment_year == year))
    if known is not None:
        return known
    scheme = (await session.scalars(select(EvaluationScheme))).one()
    cycle = EvaluationCycle(
        id=uuid4(),
        assessment_year=year,
        submission_year=year + 1,
        scheme_id=scheme.id,
        scheme_sha256=scheme.content_sha256,
        due_on=date(2026, 4, 30),
        phase="closed",
    )
    session.add(cycle)
    await session.flush()
    return cycle.id


async def file_of(session: AsyncSession, evaluation: UUID, *, year: int = 2025, **stated: Any) -> AppraisalFile:
    """The file beside the panel on this evaluation."""
    members: dict[str, Any] = {"state": "under_review", "stale": False, "blocked_quorum": False, **stated}
    file = AppraisalFile(
        **members,
        id=uuid4(),
        evaluation_id=evaluation,
        cycle_id=await cycle_of(session, year),
        region_code=REGION,
        under_correction=False,
    )
    session.add(file)
    await session.flush()
    return file
