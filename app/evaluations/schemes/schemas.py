"""Evaluation methods as served."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label, Version

DecimalText = Annotated[str, Field(max_length=20, examples=["0.15"], description="A decimal as a string.")]


class SchemeSourceOut(BaseModel):
    """Where a part of the self-evaluation is pre-filled from: `plan_target` (an indicator), `plan`, `library`."""

    kind: Code
    of: Code


class SchemeCriterionOut(BaseModel):
    """Scored by each reviewer from 0 to `max`. `value`: whether the region states a figure."""

    code: Code
    name_zh: Label
    name_en: Label
    max: DecimalText
    weight: DecimalText
    value: Code = Field(examples=["required"])
    sources: Annotated[list[SchemeSourceOut], Field(max_length=20)]


class SchemeGroupOut(BaseModel):
    """One of the three goals of the 两山指数."""

    code: Code
    name_zh: Label
    name_en: Label
    criteria: Annotated[list[SchemeCriterionOut], Field(max_length=50)]


class BandOut(BaseModel):
    """A grade (等次): from `lowest` (included) to `below` (not included); the best one has no upper end."""

    code: Code
    name_zh: Label
    name_en: Label
    lowest: DecimalText
    below: DecimalText | None


class PanelRuleOut(BaseModel):
    """How many experts sit, how many wait in reserve, how many sheets a result takes."""

    seats: Version
    reserves: Annotated[int, Field(ge=0, le=100)]
    quorum: Version


class RoundingOut(BaseModel):
    of: Code
    mode: Code
    places: Annotated[int, Field(ge=0, le=10)]


class SchemeContent(BaseModel):
    """The whole method. `trim_each_end`: how many of the lowest and of the highest sheets are left out."""

    code: Code
    version: Version
    title: Label
    note: Label
    groups: Annotated[list[SchemeGroupOut], Field(max_length=20)]
    expert_weight: DecimalText
    appraisal_weight: DecimalText
    trim_each_end: Annotated[int, Field(ge=0, le=10)]
    panel: PanelRuleOut
    bands: Annotated[list[BandOut], Field(max_length=20)]
    rounding: RoundingOut


class SchemeSummary(BaseModel):
    """`is_example`: 示例, no official method."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    code: Code
    version: Version
    title: Label
    is_example: bool
    content_sha256: Code
    adopted_at: datetime


class SchemeOut(SchemeSummary):
    """`content_sha256` is the SHA-256 of `content` as canonical JSON (RFC 8785): anybody can recompute it."""

    content: SchemeContent
