"""Rounds as sent and served."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Count, Day, Label, QueryYear, Score, ShortText, Version, Year
from app.models.cases import RoundPhase

Number = Annotated[int, Field(ge=1, le=1000, strict=True)]
Seats = Annotated[int, Field(ge=1, le=25, strict=True)]


class Weights(Body):
    """Of the four criteria of Art. 12; together 100."""

    innovation: Score = Field(examples=["30"])
    results: Score = Field(examples=["30"])
    transferability: Score = Field(examples=["20"])
    regularity: Score = Field(examples=["20"])

    def by_code(self) -> dict[str, Decimal]:
        return {name: getattr(self, name) for name in type(self).model_fields}


class RoundIn(Body):
    """One year's selection of typical cases. `quota`: how many cases a region may recommend. `seats`, `reserves`,
    `quorum`: of the panel of experts on each case."""

    year: Year
    title: ShortText = Field(examples=["2026年典型案例遴选（示例）"])
    due_on: Day = Field(description="推荐截止日: until when the regions recommend.", examples=["2026-06-30"])
    quota: Number = Field(examples=[2])
    selected_at_most: Number = Field(examples=[5])
    weights: Weights
    seats: Seats = 3
    reserves: Annotated[int, Field(ge=0, le=25, strict=True)] = 1
    quorum: Seats = 3


class CriterionOut(BaseModel):
    code: Code = Field(examples=["innovation"])
    name: Label = Field(examples=["模式创新性"])
    max: Code = Field(examples=["100"])
    weight: Code = Field(examples=["30"])


class RoundSummary(BaseModel):
    """`criteria_sha256` is the SHA-256 of `criteria` as canonical JSON: frozen with the round."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    year: QueryYear
    title: Label
    due_on: date
    quota: Version
    selected_at_most: Version
    criteria: Annotated[list[CriterionOut], Field(max_length=10)]
    criteria_sha256: Code
    seats: Version
    reserves: Count
    quorum: Version
    phase: RoundPhase
    version: Version
    created_at: datetime
    updated_at: datetime


class RoundOut(RoundSummary):
    """A round and what you may do with it. Its phase is everybody's to know; what is judged of a case is not."""

    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
