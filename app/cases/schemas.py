"""Cases as sent and served."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, LongText, Moment, RegionCode, ShortText, Version
from app.core.pagination import PageParams
from app.models.cases import CaseState

Prose = Annotated[str, Field(max_length=20_000)]
ModeCode = Annotated[ShortText, Field(description="A code of `/v1/conversion-modes`.")]


class CaseTexts(Body):
    """What a case says, by the four criteria of Art. 12."""

    project_id: UUID | None = Field(default=None, description="A project in the region's library that it is about.")
    mode_code: ModeCode | None = Field(default=None, description="转化模式.", examples=[None])
    summary: LongText | None = Field(default=None, examples=["案例概要（示例）"])
    innovation: LongText | None = Field(default=None, description="模式创新性.", examples=["做法新颖（示例）"])
    results: LongText | None = Field(default=None, description="实际成效显著性.", examples=["成效明显（示例）"])
    transferability: LongText | None = Field(default=None, description="经验可推广性.", examples=["可推广（示例）"])
    regularity: LongText | None = Field(default=None, description="运作规范性.", examples=["运作规范（示例）"])


class CaseIn(CaseTexts):
    """A case of your region in a round. The texts may follow until it is recommended."""

    round_id: UUID
    region_code: RegionCode
    title: ShortText = Field(examples=["草原生态旅游带动增收（示例）"])


class CasePatch(CaseTexts):
    """A member that is absent stays as it is; null clears it, but for the title."""

    title: ShortText | None = Field(default=None, examples=["草原生态旅游带动增收（示例）"])


class CaseReturnIn(Body):
    """A return for completion (退回修改)."""

    remarks: LongText = Field(examples=["请补充成效数据（示例）"])


class CaseSort(StrEnum):
    UPDATED = "updated_at"
    UPDATED_LAST = "-updated_at"


class CaseFilters(PageParams):
    round_id: UUID | None = None
    region_code: RegionCode | None = None
    state: CaseState | None = None
    updated_since: Moment | None = Field(default=None, description="At or after this time (RFC 3339).")
    sort: CaseSort = Field(default=CaseSort.UPDATED_LAST, description="`-` for descending.")


class CaseSummary(BaseModel):
    """`case_file_id`: where the judgement on it is, for those who may ask for it; never for its region."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    round_id: UUID
    region_code: Code
    title: Label
    project_id: UUID | None
    mode_code: Code | None
    state: CaseState
    case_file_id: UUID | None
    version: Version
    updated_at: datetime


class CaseOutcome(StrEnum):
    SELECTED = "selected"
    NOT_SELECTED = "not_selected"


class CaseOut(CaseSummary):
    """A case. `outcome`: once the round is published, whether the publication names it; null until then, and for
    what was not recommended."""

    summary: Prose | None
    innovation: Prose | None
    results: Prose | None
    transferability: Prose | None
    regularity: Prose | None
    prepared_by: UUID
    recommended_by: UUID | None
    recommended_at: datetime | None
    outcome: CaseOutcome | None
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]
    created_at: datetime


class CaseDecisionOut(BaseModel):
    """The office's return of a recommended case."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    outcome: Code = Field(examples=["returned"])
    note: Prose
    decided_by: UUID
    decided_at: datetime


class DecisionPage(PageParams):
    """Latest first."""
