"""Reference data as served."""

from datetime import date
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label, QueryYear, Version
from app.core.pagination import PageParams


class RegionOut(BaseModel):
    """A division. `code_system` says whether the code is of GB/T 2260 or a statistical one (NBS)."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "code": "152501",
                    "name_zh": "二连浩特市",
                    "name_mn": None,
                    "name_en": "Erenhot City",
                    "level": "county",
                    "code_system": "GB2260",
                    "org_type": "政府",
                    "parent_code": "152500",
                    "assessed": True,
                }
            ]
        },
    )
    code: Code
    name_zh: Label
    name_mn: Label | None
    name_en: Label
    level: Code
    code_system: Code
    org_type: Label
    parent_code: Code | None
    assessed: bool


class RegionFilters(PageParams):
    assessed: bool | None = Field(default=None, description="Only units that the league assesses, or only others.")


class CodeOut(BaseModel):
    """A code with its names."""

    model_config = ConfigDict(from_attributes=True)
    code: Code
    name_zh: Label
    name_en: Label


class ModeOut(CodeOut):
    scheme: Code


class IndicatorOut(CodeOut):
    """`aggregations`: which ways of adding up are allowed. `is_example`: 示例, not an official indicator."""

    unit: Label
    direction: Code
    aggregations: Annotated[list[Code], Field(max_length=10)]
    source_body: Label
    is_example: bool


class RelationOut(CodeOut):
    """`look_back_years` is null where the relation does not expire."""

    capacities: Annotated[list[Code], Field(max_length=10)]
    look_back_years: Annotated[int, Field(ge=0, le=50)] | None
    basis: Label | None
    is_example: bool


class LegalBasisOut(BaseModel):
    """A provision that a decision can be grounded on, by version: what was decided on stays readable. `applies`:
    `directly`, or `by_analogy` (参照) where the law was written for something else."""

    model_config = ConfigDict(from_attributes=True)
    code: Code = Field(examples=["civil_servants_76"])
    version: Version
    title_zh: Label
    provision_zh: Label
    gist_zh: Label
    applies: Code = Field(examples=["by_analogy"])
    since: date | None


class CalendarDayOut(BaseModel):
    """A day that is not what its weekday says. `is_example`: 示例, not the official calendar."""

    model_config = ConfigDict(from_attributes=True)
    day: date
    kind: Code = Field(description="`holiday` (节假日) or `workday` (调休).", examples=["holiday"])
    name_zh: Label
    is_example: bool


class CalendarFilters(PageParams):
    year: QueryYear | None = None


class TimeLimitOut(CodeOut):
    """Within how many working days something is to be done."""

    working_days: Annotated[int, Field(ge=1, le=1000)]
    is_example: bool
