"""Versions are read where their plan is."""

from typing import Annotated

from fastapi import Depends, Path, Query

from app.auth.dependencies import Session
from app.core import errors as e
from app.core.routing import answers
from app.models.plans import PlanVersion
from app.plans.dependencies import VisiblePlan
from app.plans.versions import repository
from app.plans.versions.schemas import ComparisonParams

Number = Annotated[int, Path(ge=1, le=2_000_000_000, description="Versions count from 1.", examples=[1])]


@answers(e.NOT_FOUND)
async def visible_version(session: Session, plan: VisiblePlan, number: Number) -> PlanVersion:
    version = await repository.version(session, plan.id, number)
    if version is None:
        raise e.NotFound
    return version


VisibleVersion = Annotated[PlanVersion, Depends(visible_version)]


async def other_version(
    session: Session, version: VisibleVersion, params: Annotated[ComparisonParams, Query()]
) -> PlanVersion:
    """Raises `Invalid` where the plan has no version of that number."""
    other = await repository.version(session, version.plan_id, params.compared_with)
    if other is None:
        raise e.Invalid(e.FieldError("?with", "unknown_reference"))
    return other


OtherVersion = Annotated[PlanVersion, Depends(other_version)]
