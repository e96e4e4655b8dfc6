"""Assignments as sent and served."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, Position, QueryYear, ReasonText, Version
from app.core.pagination import PageParams
from app.declarations.recusals.schemas import RelationCode
from app.models.reviews import AssignmentState, SubjectOfReview

Why = Annotated[str, Field(max_length=2000)]


class Method(StrEnum):
    DRAWN = "drawn"
    NAMED = "named"


class AssignmentFilters(PageParams):
    mine: bool = Field(default=False, description="Only assignments of your own.")
    state: AssignmentState | None = None
    subject_kind: SubjectOfReview | None = None
    panel_id: UUID | None = None


class AssignmentOut(BaseModel):
    """An assignment as you may see it.

    Invited, you see kind, year, state and when it is due. Once you have accepted, `region_code` and `title` say what
    it is about, so that you can declare your interests; only then does the dossier open. What concerns the panel
    (`panel_id` to `decline_reason`) is the office's.
    """

    id: UUID
    subject_kind: SubjectOfReview
    year: QueryYear
    due_on: date | None
    state: AssignmentState
    region_code: Code | None
    title: Label | None
    panel_id: UUID | None
    person_id: UUID | None
    position: Position | None
    is_reserve: bool | None
    method: Method | None
    reason: Why | None
    decline_reason: Why | None
    version: Version
    created_at: datetime
    updated_at: datetime


class AssignmentDetail(AssignmentOut):
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]


class InterestIn(Body):
    """One relation to the subject (利害关系), by its code in `/v1/relations`, in your own words."""

    relation_code: RelationCode
    statement: ReasonText


class DeclarationIn(Body):
    """What you declare about this very subject: interests, or that there are none."""

    has_interests: bool = Field(examples=[False])
    interests: list[InterestIn] = Field(default=[], max_length=8, examples=[[]])

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.has_interests != bool(self.interests):
            raise PydanticCustomError("invalid_value", "has_interests does not agree with interests")
        return self


class NamedIn(Body):
    """An assignment by name instead of by draw: an exception, with its reason."""

    person_id: UUID
    reason: ReasonText
