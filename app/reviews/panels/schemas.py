"""Panels as served."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Code, Count, Label, QueryYear, Version
from app.models.reviews import SubjectOfReview
from app.reviews.rules import PanelState

Sha256 = Annotated[
    str, Field(max_length=64, examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"])
]


class ReviewCriterion(BaseModel):
    """What is scored, from 0 to `max`; `weight` is its share in the total."""

    code: Code
    name: Label
    max: Code = Field(examples=["10.00"])
    weight: Code = Field(examples=["25"])


class MemberCounts(BaseModel):
    """How many members are how far; `in_reserve` have no seat."""

    invited: Count
    accepted: Count
    declared: Count
    done: Count
    declined: Count
    suspended: Count
    voided: Count
    in_reserve: Count


class DrawOut(BaseModel):
    """A draw (随机抽取) that was made. Seed and list stay closed until the publication: they would tell who is next;
    the hash says already that the list was not changed. All of it stands in the cycle's or round's `draw-record` then.
    """

    model_config = ConfigDict(from_attributes=True)
    drawn_at: datetime
    candidates_sha256: Sha256


class PanelOut(BaseModel):
    """A panel (评审组): how many sit, and how far they are. Who they are stands in `/v1/assignments`."""

    id: UUID
    subject_kind: SubjectOfReview
    subject_id: UUID
    region_code: Code
    case_id: UUID | None
    year: QueryYear
    title: Label | None
    due_on: date | None
    state: PanelState
    seats: Count
    reserves: Count
    quorum: Count
    criteria: Annotated[list[ReviewCriterion], Field(max_length=100)]
    members: MemberCounts
    draws: Annotated[list[DrawOut], Field(max_length=1000)]
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
    version: Version
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, **members: Any) -> "PanelOut":
        return cls.model_validate(members)
