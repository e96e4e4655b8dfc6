"""The audit as served."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from app.core.fields import Code, Label
from app.core.pagination import PageParams


class Outcome(StrEnum):
    DONE = "done"
    DENIED = "denied"
    FAILED = "failed"


def _sane(moment: datetime) -> datetime:
    if not 1900 <= moment.year <= 2200:
        raise PydanticCustomError("out_of_range", "year out of range")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_sane), Field(examples=["2026-03-02T01:00:00Z"])]


class ActFilters(PageParams):
    """`since` counts in, `until` does not."""

    action: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Exactly this act: `plans.submit`.", examples=["plans.submit"]
    )
    outcome: Outcome | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditFilters(ActFilters):
    actor_id: UUID | None = None
    resource_id: UUID | None = None


class AuditEntryOut(BaseModel):
    """What was done or refused, by whom, and about what. `actor_id` is null for the public and the system."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    occurred_at: datetime
    request_id: Label
    actor_kind: Code
    actor_id: UUID | None
    action: Annotated[str, Field(max_length=400)]
    outcome: Outcome
    reason: Annotated[str, Field(max_length=2000)] | None
    resource_kind: Code | None
    resource_id: UUID | None
    region_code: Code | None
    organisation_id: UUID | None
    project_id: UUID | None
    changes: dict[str, Any] = Field(description="Dossier values, as the act stated them.", examples=[{}])
