"""The dossier's frozen copy and the score sheet, as sent and served."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Count, Label, LongText, Points, QueryYear
from app.models.reviews import SheetState, SubjectOfReview
from app.reviews.panels.schemas import ReviewCriterion, Sha256


class DossierOut(BaseModel):
    """What the panel judges: the copy that was frozen when it was opened, and nothing else."""

    assignment_id: UUID
    subject_kind: SubjectOfReview
    year: QueryYear
    due_on: date | None
    region_code: Code
    title: Label | None
    criteria: Annotated[list[ReviewCriterion], Field(max_length=100)]
    content: dict[str, Any] = Field(description="As the region signed and sent it.", examples=[{"title": "示例"}])
    content_sha256: Sha256 = Field(description="SHA-256 of the canonical JSON of `content`.")
    frozen_at: datetime


class SheetIn(Body):
    """Your scores so far, by criterion code, each from 0 to its `max`, with at most two decimals. What is absent
    is not scored yet."""

    scores: Annotated[
        dict[Code, Points],
        Field(max_length=100, examples=[{"innovation": "86.5", "results": "90"}]),
    ]
    opinion: LongText | None = Field(default=None, examples=["做法扎实，可推广（示例）"])


class SheetOut(BaseModel):
    """A score sheet (评分表). `version` 0: nothing is saved yet.

    `total` is the weighted mean of the shares reached, on a scale of 100, rounded once, half up, to four places. It
    and `signature` (SHA-256 over what was signed and a salt) stand from submission on.
    """

    assignment_id: UUID
    state: SheetState
    criteria: Annotated[list[ReviewCriterion], Field(max_length=100)]
    scores: dict[str, Code] = Field(examples=[{"innovation": "86.5", "results": "90"}])
    opinion: Annotated[str, Field(max_length=20_000)] | None
    total: Code | None = Field(examples=["87.5000"])
    signature: Sha256 | None
    salt: UUID | None = Field(description="A random part of what `signature` is the hash of.")
    submitted_at: datetime | None
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
    version: Count
    updated_at: datetime | None
