"""Cycles as sent and served."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Day, QueryYear, Version, Year
from app.models.evaluations import CyclePhase


class CycleIn(Body):
    """One year's evaluation. The material is submitted in the year after `assessment_year`."""

    assessment_year: Year = Field(examples=[2025])
    scheme_id: UUID
    due_on: Day = Field(description="报送截止日: until when the regions send their self-evaluations.")


class CycleSummary(BaseModel):
    """`scheme_sha256` is frozen: the method by which this year is judged does not change any more."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    assessment_year: QueryYear
    submission_year: QueryYear
    scheme_id: UUID
    scheme_sha256: Code
    due_on: date
    phase: CyclePhase
    version: Version
    created_at: datetime
    updated_at: datetime


class CycleOut(CycleSummary):
    """A cycle and what you may do with it. Its phase is everybody's to know; the state of a file is not."""

    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
