"""The audit as served."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label, Moment
from app.core.pagination import PageParams


class AuditOutcome(StrEnum):
    DONE = "done"
    DENIED = "denied"
    FAILED = "failed"


class ActFilters(PageParams):
    """`since` counts in, `until` does not."""

    action: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")] | None = Field(
        default=None, description="Exactly this act: `plans.submit`.", examples=["plans.submit"]
    )
    outcome: AuditOutcome | None = None
    since: Moment | None = None
    until: Moment | None = None


class AuditFilters(ActFilters):
    actor_id: UUID | None = None
    resource_id: UUID | None = None
    recusal_id: UUID | None = Field(
        default=None,
        description="A recusal's timeline: its entries, and what followed from it for assignments, sheets, files.",
        examples=[None],
    )


class AuditEntryOut(BaseModel):
    """What was done or refused, by whom, and about what. `actor_id` is null for the public and the system."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    occurred_at: datetime
    request_id: Label
    actor_kind: Code
    actor_id: UUID | None
    action: Annotated[str, Field(max_length=400)]
    outcome: AuditOutcome
    reason: Annotated[str, Field(max_length=2000)] | None
    resource_kind: Code | None
    resource_id: UUID | None
    region_code: Code | None
    organisation_id: UUID | None
    project_id: UUID | None
    case_id: UUID | None
    changes: dict[str, Any] = Field(description="Dossier values, as the act stated them.", examples=[{}])
