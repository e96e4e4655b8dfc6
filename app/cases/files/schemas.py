"""Case files as served."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.cases.rounds.schemas import CriterionOut
from app.core.fields import Code, RegionCode, Version
from app.core.pagination import PageParams
from app.evaluations.files.schemas import PanelOf
from app.evaluations.schemes.schemas import DecimalText
from app.models.cases import CaseFileState


class FileFilters(PageParams):
    round_id: UUID | None = None
    region_code: RegionCode | None = None
    state: CaseFileState | None = None
    stale: bool | None = None


class CaseFileSummary(BaseModel):
    """`stale`: a recusal changed what it stands on, and the worker has not repaired it yet. `blocked_quorum`: too few
    experts are left. `under_correction`: it is published, and something that it stands on has fallen since."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    case_id: UUID
    round_id: UUID
    region_code: Code
    state: CaseFileState
    stale: bool
    blocked_quorum: bool
    under_correction: bool
    version: Version
    updated_at: datetime


class CaseExplanation(BaseModel):
    """How a total comes about: each sheet is worth the sum of weight × score, over 100; the total is their mean,
    rounded once, half up, to four places. The sheets are sorted by their scores: their order tells nothing."""

    criteria: Annotated[list[CriterionOut], Field(max_length=10)]
    sheets: Annotated[list[dict[Code, DecimalText]], Field(max_length=100, examples=[[{"innovation": "88.5"}]])]
    total: DecimalText = Field(examples=["87.1250"])


class CaseFileOut(CaseFileSummary):
    """The judgement on one case. `explanation` is there while a total stands."""

    panel: PanelOf
    explanation: CaseExplanation | None
    created_at: datetime
