"""The queue as the office sees it, and its decisions."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.fields import Body, Code, Label, ReasonText, RegionCode, ShortText, Version
from app.core.pagination import PageParams
from app.projects.schemas import Change

MOST_DECISIONS = 200


class QueueKind(StrEnum):
    NEW = "new"
    CHANGE = "change"


class ProposalState(StrEnum):
    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"


class QueueItem(BaseModel):
    """What waits for the office. `changes`: for a `change`, against what the project says now; for what is `new`, all
    that it says. `version` is of what you see here: a decision states it."""

    kind: QueueKind
    project_id: UUID
    proposal_id: UUID | None = Field(description="Null for what is `new`.")
    region_code: Code
    name: Label
    source_system: Code | None
    import_run_id: UUID | None
    waiting_since: datetime
    changes: dict[Code, Change] = Field(examples=[{"name": {"before": "原名（示例）", "after": "新名（示例）"}}])
    version: Version


class QueueFilters(PageParams):
    kind: QueueKind | None = None
    region_code: RegionCode | None = None
    source_system: ShortText | None = Field(default=None, examples=["province-projects"])
    import_run_id: UUID | None = Field(default=None, description="What one push brought.")


class Verdict(StrEnum):
    ACCEPT = "accept"
    DECLINE = "decline"


class QueueDecision(Body):
    """On one item, as it was seen. Declining says why."""

    project_id: UUID
    proposal_id: UUID | None = Field(default=None, description="Of a `change`; absent for what is `new`.")
    version: Version
    outcome: Verdict = Field(examples=["accept"])
    reason: ReasonText | None = Field(default=None, examples=[None])

    @model_validator(mode="after")
    def _reasoned(self) -> Self:
        if self.outcome is Verdict.DECLINE and self.reason is None:
            raise PydanticCustomError("reason_required", "declining says why")
        return self


class QueueDecisions(Body):
    """All of them, or none: where one of them cannot be done, nothing is."""

    decisions: Annotated[list[QueueDecision], Field(min_length=1, max_length=MOST_DECISIONS)]


class Decided(BaseModel):
    accepted: int = Field(ge=0, le=MOST_DECISIONS)
    declined: int = Field(ge=0, le=MOST_DECISIONS)


class ProposalFilters(PageParams):
    state: ProposalState | None = None
    region_code: RegionCode | None = None
    project_id: UUID | None = None
    import_run_id: UUID | None = None


class ProposalOut(BaseModel):
    """A change of a member that a source proposed. `after`: the members that it would change, as they would be."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    region_code: Code
    source_system: Code
    import_run_id: UUID
    state: ProposalState
    after: dict[Code, object] = Field(examples=[{"name": "新名（示例）"}])
    version: Version
    created_at: datetime
    updated_at: datetime
