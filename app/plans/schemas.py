"""Plans as sent and served."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import (
    Body,
    Code,
    Day,
    Label,
    LongText,
    Moment,
    QueryYear,
    ReasonText,
    RegionCode,
    ShortText,
    Version,
    Year,
)
from app.core.pagination import PageParams
from app.models.plans import PlanState
from app.plans.items.schemas import Prose


class PlanIn(Body):
    """A yearly plan (年度计划) of your region. Its items are filled in as sub-resources."""

    region_code: RegionCode
    year: Year
    resource_assessment: LongText | None = Field(
        default=None,
        description="资源禀赋、生态优势等条件的综合评估: what the plan is grounded in (Art. 3).",
        examples=["草原辽阔，草原综合植被盖度较高（示例）"],
    )
    overview: LongText | None = Field(default=None, examples=["全年工作思路（示例）"])


class PlanPatch(Body):
    """A member that is absent stays as it is; null clears it."""

    resource_assessment: LongText | None = Field(default=None, examples=["草原辽阔（示例）"])
    overview: LongText | None = Field(default=None, examples=["全年工作思路（示例）"])


class SignatureIn(Body):
    """Number and date of the outgoing document (报送文号、成文日期)."""

    document_number: ShortText = Field(examples=["示例市政发〔2026〕1号"])
    document_date: Day


class RemarkSection(StrEnum):
    """A part of a version's content."""

    RESOURCE_ASSESSMENT = "resource_assessment"
    OVERVIEW = "overview"
    TARGETS = "targets"
    TASKS = "tasks"
    ARRANGEMENTS = "arrangements"
    SAFEGUARDS = "safeguards"
    PREPARERS = "preparers"


class RemarkIn(Body):
    """What is to be completed in a section, or in one item of the version that was sent."""

    section: RemarkSection
    item_id: UUID | None = Field(default=None, examples=[None])
    text: ReasonText = Field(examples=["第二项任务缺少责任单位（示例）"])


class PlanReturnIn(Body):
    """A return for completion (退回补正): at least one remark."""

    note: LongText | None = Field(default=None, examples=["请补正后重新报送（示例）"])
    remarks: list[RemarkIn] = Field(min_length=1, max_length=200)


class PlanSort(StrEnum):
    UPDATED = "updated_at"
    UPDATED_LAST = "-updated_at"
    REGION = "region_code"
    REGION_LAST = "-region_code"
    YEAR = "year"
    YEAR_LAST = "-year"


class PlanFilters(PageParams):
    region_code: RegionCode | None = None
    year: QueryYear | None = None
    state: PlanState | None = None
    updated_since: Moment | None = Field(default=None, description="At or after this time (RFC 3339).")
    sort: PlanSort = Field(default=PlanSort.UPDATED_LAST, description="`-` for descending.")


class PlanSummary(BaseModel):
    """A line of the list. `filing_number` is null where nothing is filed, or the filings are not yours to read."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    region_code: Code
    year: QueryYear
    state: PlanState
    latest_version: Version | None
    filing_number: Label | None
    version: Version
    updated_at: datetime


class ContentSource(StrEnum):
    WORKING = "working"
    VERSION = "version"


class SentVersion(BaseModel):
    """What the region signed and sent last."""

    model_config = ConfigDict(from_attributes=True)
    number: Version
    content_hash: Code
    signed_at: datetime
    document_number: Label
    document_date: date


class FilingInForce(BaseModel):
    """The latest filing (备案). An amended plan stays filed under it until the next."""

    model_config = ConfigDict(from_attributes=True)
    filing_number: Label
    version_number: Version
    decided_at: datetime


class PlanOut(BaseModel):
    """A plan as you may read it.

    `content_source` is `working` for the region's own staff, `version` for everybody else: then the texts are those
    of the latest version that was sent, and what is internal to the region (who submitted, what is still missing,
    why it was sent back) is null.
    """

    id: UUID
    region_code: Code
    year: QueryYear
    state: PlanState
    content_source: ContentSource
    resource_assessment: Prose | None
    overview: Prose | None
    latest: SentVersion | None
    filing: FilingInForce | None
    submitted_by: UUID | None
    submitted_at: datetime | None
    send_back_reason: Prose | None
    amendment_reason: Prose | None
    missing: Annotated[list[Code], Field(max_length=10)] | None = Field(
        description="Pointers to what Art. 3 asks for and the working copy lacks, e.g. `/targets`."
    )
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=20)]
    version: Version
    created_at: datetime
    updated_at: datetime
