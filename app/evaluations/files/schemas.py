"""Appraisal files as sent and served."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, QueryYear, ReasonText, RegionCode, Score, Version
from app.core.pagination import PageParams
from app.evaluations.schemes.schemas import DecimalText, SchemeContent
from app.models.evaluations import FileState

Prose = Annotated[str, Field(max_length=20_000)]


class AppraisalIn(Body):
    """The comprehensive appraisal (综合评议): a score, and why."""

    score: Score
    reason: ReasonText = Field(examples=["专家评审意见客观，年度任务完成较好（示例）"])


class AppraisalFileFilters(PageParams):
    cycle_id: UUID | None = None
    region_code: RegionCode | None = None
    state: FileState | None = None
    stale: bool | None = None


class AppraisalFileSummary(BaseModel):
    """`stale`: a recusal changed what it stands on, and the worker has not repaired it yet. `blocked_quorum`: too few
    experts are left. `under_correction`: it is published, and something that it stands on has fallen since."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    evaluation_id: UUID
    cycle_id: UUID
    region_code: Code
    state: FileState
    stale: bool
    blocked_quorum: bool
    under_correction: bool
    version: Version
    updated_at: datetime


class PanelOf(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    state: Code = Field(examples=["complete"])


class AppraisalResultOut(BaseModel):
    """What the worker computed. `grade` is a band's code, `grade_name` its name (等次)."""

    model_config = ConfigDict(from_attributes=True)
    total: DecimalText = Field(examples=["87.1250"])
    grade: Code = Field(examples=["good"])
    grade_name: Label = Field(examples=["良好"])
    explanation_sha256: Code


class AppraisalFileOut(AppraisalFileSummary):
    """The judgement on one region's year. Its result is shown while it stands."""

    panel: PanelOf
    appraisal_score: Score | None
    appraisal_reason: Prose | None
    appraised_by: UUID | None
    approved_by: UUID | None
    result: AppraisalResultOut | None
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
    created_at: datetime


class ExplanationInput(BaseModel):
    """A figure of the self-evaluation that was accepted."""

    criterion_code: Code
    reported_value: DecimalText | None


class CountedSheet(BaseModel):
    """A sheet that counts. `worth`: the sum of weight × score."""

    scores: dict[Code, DecimalText]
    worth: DecimalText


class SchemeUsed(SchemeContent):
    """The method, with the hash that the cycle froze."""

    sha256: Code


class ExplanationOut(BaseModel):
    """How a result comes about, and enough to compute it again:

    total = `expert_weight` × the mean of the sheets' `worth` + `appraisal_weight` × `appraisal`, rounded once, half
    up, to four places; the grade is the band that holds it. The sheets are sorted by their scores: their order tells
    nothing.
    """

    region_code: Code
    assessment_year: QueryYear
    scheme: SchemeUsed
    inputs: Annotated[list[ExplanationInput], Field(max_length=200)]
    sheets: Annotated[list[CountedSheet], Field(max_length=100)]
    appraisal: DecimalText
    total: DecimalText
    grade: Code
    grade_name: Label
