"""Self-evaluations as sent and served."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, LongText, QueryYear, ReasonText, RegionCode, Version
from app.core.pagination import PageParams
from app.models.evaluations import EvaluationState

Prose = Annotated[str, Field(max_length=20_000)]


class EvaluationIn(Body):
    """A self-evaluation of your region in a cycle. Its items are made and pre-filled with it."""

    cycle_id: UUID
    region_code: RegionCode


class EvaluationRemarkIn(Body):
    """What is to be completed in one item of the version that was sent."""

    item_id: UUID
    text: ReasonText = Field(examples=["空气质量一项缺少监测报告（示例）"])


class EvaluationReturnIn(Body):
    """A return for completion (退回补正): at least one remark."""

    note: LongText | None = Field(default=None, examples=["请补正后重新报送（示例）"])
    remarks: list[EvaluationRemarkIn] = Field(min_length=1, max_length=200)


class EvaluationSort(StrEnum):
    UPDATED = "updated_at"
    UPDATED_LAST = "-updated_at"
    REGION = "region_code"
    REGION_LAST = "-region_code"


class EvaluationFilters(PageParams):
    cycle_id: UUID | None = None
    region_code: RegionCode | None = None
    assessment_year: QueryYear | None = None
    state: EvaluationState | None = None
    sort: EvaluationSort = Field(default=EvaluationSort.UPDATED_LAST, description="`-` for descending.")


class EvaluationSummary(BaseModel):
    """`appraisal_file_id`: as in the detail."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    cycle_id: UUID
    region_code: Code
    assessment_year: QueryYear
    state: EvaluationState
    latest_version: Version | None
    appraisal_file_id: UUID | None
    version: Version
    updated_at: datetime


class ContentSource(StrEnum):
    WORKING = "working"
    VERSION = "version"


class SentEvaluation(BaseModel):
    """What the region signed and sent last: number and hash of its content."""

    model_config = ConfigDict(from_attributes=True)
    number: Version
    content_sha256: Code
    signed_at: datetime


class EvaluationOut(BaseModel):
    """A self-evaluation as you may read it.

    `content_source` is `working` for the region's own staff, `version` for everybody else: then the items are those
    of the latest version that was sent, and what is internal to the region is null. `appraisal_file_id`: where the
    judgement on it is found, for those who may ask for it; the region's own staff once it is published.
    """

    id: UUID
    cycle_id: UUID
    region_code: Code
    assessment_year: QueryYear
    state: EvaluationState
    content_source: ContentSource
    latest: SentEvaluation | None
    submitted_by: UUID | None
    submitted_at: datetime | None
    send_back_reason: Prose | None
    missing: Annotated[list[Code], Field(max_length=200)] | None = Field(
        description="Pointers to what the working copy lacks, e.g. `/items/grassland/statement`."
    )
    appraisal_file_id: UUID | None
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=20)]
    version: Version
    created_at: datetime
    updated_at: datetime


class EvaluationRemark(BaseModel):
    item_id: UUID
    text: Prose


class EvaluationDecisionOut(BaseModel):
    """The office's answer to a version: taken up for review, or returned with remarks item by item."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    version_number: Version
    outcome: Code = Field(examples=["returned"])
    note: Prose | None
    remarks: Annotated[list[EvaluationRemark], Field(max_length=200)]
    decided_by: UUID
    decided_at: datetime


class DecisionPage(PageParams):
    """Latest first."""
