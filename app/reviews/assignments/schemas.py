"""Assignments as sent and served."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, Position, QueryYear, ReasonText, Version
from app.core.pagination import PageParams
from app.declarations.schemas import InterestIn
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
    (`panel_id` to `decline_reason`) is the office's: who it is that was asked, too.
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
    person_name: Label | None
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


class InterestsIn(Body):
    """What you declare about this very subject: interests (利害关系), or that there are none."""

    has_interests: Annotated[bool, Field(strict=True, examples=[False])]
    interests: list[InterestIn] = Field(default_factory=list, max_length=50, examples=[[]])


class NamedIn(Body):
    """An assignment by name instead of by draw: an exception, with its reason."""

    person_id: UUID
    reason: ReasonText = Field(examples=["专家库人数不足，指定补充（示例）"])
