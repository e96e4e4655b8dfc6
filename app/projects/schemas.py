"""Projects as sent and served."""

import re
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from app.core.actions import AllowedAction
from app.core.fields import (
    Body,
    Code,
    Count,
    Day,
    Label,
    LongText,
    Money,
    Quantity,
    QueryYear,
    ReasonText,
    RegionCode,
    ShortText,
    Version,
    Year,
)
from app.core.pagination import PageParams
from app.models.projects import Axis, BuildingStage, Membership

ModeCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$", max_length=50, examples=["ecological_agriculture"])]
SourceCode = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$", max_length=50, examples=["central"])]
NationalCode = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{6}-[0-9]{2}-[0-9]{2}-[0-9]{6}$",
        max_length=24,
        description="The investment project's code (GB/T 40058-2021); its form is checked.",
        examples=["2405-152501-04-01-123456"],
    ),
]
Area = Annotated[Quantity, Field(ge=0, description="Mu, as a decimal string.", examples=["18000.00"])]
Yuan = Annotated[
    Decimal,
    Field(ge=0, description="A sum of yuan, as a decimal string.", examples=["1200000.00"]),
    PlainSerializer(lambda value: format(value, "f"), return_type=Annotated[str, Field(max_length=32)]),
]


# The year is bounded, so that no offset carries it beyond what a time can be.
_MOMENT = re.compile(r"(19|20|21)\d\d-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _as_moment(value: object) -> object:
    """A time with its offset: a bare number or a local time would be a guess."""
    if isinstance(value, str) and not _MOMENT.fullmatch(value):
        raise PydanticCustomError("invalid_format", "not an RFC 3339 time")
    return value


Moment = Annotated[datetime, BeforeValidator(_as_moment, json_schema_input_type=datetime)]


def _on_earth(value: list[float]) -> list[float]:
    longitude, latitude = value
    if not -180 <= longitude <= 180 or not -90 <= latitude <= 90:
        raise PydanticCustomError("out_of_range", "longitude first, then latitude")
    return value


class Point(BaseModel):
    """GeoJSON: longitude, then latitude (WGS 84). Six decimals are kept."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["Point"]
    coordinates: Annotated[
        list[Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, strict=True)]],
        Field(min_length=2, max_length=2, examples=[[112.0517, 43.7905]]),
        AfterValidator(_on_earth),
    ]


class FundingIn(Body):
    """Money from one source; without a year, for the project's whole life."""

    source: SourceCode
    year: Year | None = None
    planned: Money
    done: Money


class BenefitsIn(Body):
    """Expected benefits (预期效益, Art. 3). Yuan a year for incomes."""

    jobs: Count | None = Field(default=None, examples=[39])
    households: Count | None = Field(default=None, examples=[30])
    household_income_increase: Money | None = Field(default=None, examples=["4200.00"])
    collective_income: Money | None = Field(default=None, examples=["250000.00"])
    restored_area_mu: Area | None = None


Funding = Annotated[list[FundingIn], Field(max_length=100)]
Modes = Annotated[list[ModeCode], Field(max_length=20)]


class ProjectIn(Body):
    """A draft: only region and name are needed; to be proposed it needs the four facts of Art. 3."""

    region_code: RegionCode
    name: ShortText = Field(examples=["有机乳品原料基地项目（示例）"])
    national_code: NationalCode | None = None
    organisation_id: UUID | None = Field(default=None, description="The investment entity (投资主体).", examples=[None])
    practice_area_id: UUID | None = Field(default=None, examples=[None])
    construction_content: LongText | None = Field(default=None, examples=["有机草场认证与冷链收储站建设"])
    primary_mode: ModeCode | None = None
    secondary_modes: Modes = Field(default_factory=list, examples=[["ecological_tourism"]])
    axis: Axis | None = None
    building_stage: BuildingStage = BuildingStage.RESERVE
    starts_on: Day | None = Field(default=None, examples=["2026-05-01"])
    ends_on: Day | None = Field(default=None, examples=["2028-10-30"])
    funding: Funding = Field(default_factory=list)
    expected_benefits: BenefitsIn | None = None
    location: Point | None = None


class ProjectPatch(Body):
    """What may be changed; a member that is absent stays. `funding` is replaced as a whole."""

    name: ShortText | None = Field(default=None, examples=["有机乳品原料基地项目（示例）"])
    national_code: NationalCode | None = None
    organisation_id: UUID | None = Field(default=None, examples=[None])
    practice_area_id: UUID | None = Field(default=None, examples=[None])
    construction_content: LongText | None = None
    primary_mode: ModeCode | None = None
    secondary_modes: Modes | None = Field(default=None, examples=[["ecological_tourism"]])
    axis: Axis | None = None
    starts_on: Day | None = Field(default=None, examples=["2026-05-01"])
    ends_on: Day | None = Field(default=None, examples=["2028-10-30"])
    funding: Funding | None = None
    expected_benefits: BenefitsIn | None = None
    location: Point | None = None

    @model_validator(mode="after")
    def _named(self) -> "ProjectPatch":
        if "name" in self.model_fields_set and self.name is None:
            raise PydanticCustomError("required", "a name")
        return self


class AdvanceIn(Body):
    """To another stage: a step back says why."""

    to: Literal["reserve", "preparation", "construction", "completed", "operation"] = Field(examples=["construction"])
    reason: ReasonText | None = Field(default=None, examples=[None])


class EntityRef(BaseModel):
    """The investment entity (投资主体)."""

    id: UUID
    name: Label
    credit_code: Code | None


class FundingOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    source: Code
    year: int | None = Field(ge=2000, le=2100)
    planned: Money
    done: Money


class YearTotal(BaseModel):
    """One year, and all years up to it."""

    year: int = Field(ge=2000, le=2100)
    planned: Yuan
    done: Yuan
    cumulative_planned: Yuan
    cumulative_done: Yuan


class FundingTotals(BaseModel):
    """`planned` and `done` cover everything; `whole_life_*` is the part that names no year."""

    planned: Yuan
    done: Yuan
    whole_life_planned: Yuan
    whole_life_done: Yuan
    by_year: list[YearTotal] = Field(max_length=101)


class BenefitsOut(BaseModel):
    jobs: Count | None
    households: Count | None
    household_income_increase: Money | None
    collective_income: Money | None
    restored_area_mu: Area | None


class ExternalId(BaseModel):
    """What another system calls the project."""

    model_config = ConfigDict(from_attributes=True)
    source_system: Code
    external_id: Label


class ProjectItem(BaseModel):
    """A project in a list: with sums of its funding, without the lines."""

    id: UUID
    region_code: Code
    name: Label
    national_code: Code | None
    investment_entity: EntityRef | None
    practice_area_id: UUID | None
    source_system: Code | None
    external_ids: list[ExternalId] = Field(max_length=100)
    primary_mode: Code | None
    secondary_modes: Annotated[list[Code], Field(max_length=20)]
    axis: Axis | None
    membership: Membership
    building_stage: BuildingStage
    starts_on: Day | None
    ends_on: Day | None
    funding_planned: Yuan
    funding_done: Yuan
    version: Version
    created_at: datetime
    updated_at: datetime


class ProjectOut(BaseModel):
    """A project with everything that it says. `missing_facts`: what it lacks of Art. 3's four facts."""

    id: UUID
    region_code: Code
    name: Label
    national_code: Code | None
    investment_entity: EntityRef | None
    practice_area_id: UUID | None
    source_system: Code | None
    external_ids: list[ExternalId] = Field(max_length=100)
    construction_content: Annotated[str, Field(max_length=20_000)] | None
    primary_mode: Code | None
    secondary_modes: Annotated[list[Code], Field(max_length=20)]
    axis: Axis | None
    membership: Membership
    building_stage: BuildingStage
    starts_on: Day | None
    ends_on: Day | None
    funding: list[FundingOut] = Field(max_length=100)
    funding_totals: FundingTotals
    expected_benefits: BenefitsOut
    location: Point | None
    same_as: UUID | None = Field(
        description="The project whose version by another source this one is, by the office's decision, where you may "
        "see it.",
        examples=[None],
    )
    missing_facts: list[Code] = Field(max_length=4, examples=[[]])
    allowed_actions: list[AllowedAction] = Field(max_length=20)
    version: Version
    created_at: datetime
    updated_at: datetime


class Change(BaseModel):
    """A member before and after; null where there was, or is, nothing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"before": "construction", "after": "completed"}]})
    before: object = Field(description="The member's value, as the project shows it.")
    after: object = Field(description="The member's value, as the project shows it.")


class ProjectChangeOut(BaseModel):
    """One act on the project (入库、调整、退库)."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    version: Version = Field(description="The project's version after the act.")
    occurred_at: datetime
    action: Code
    actor_kind: Code
    actor_id: UUID
    import_run_id: UUID | None
    reason: Annotated[str, Field(max_length=2_000)] | None
    changes: dict[Code, Change] = Field(examples=[{"membership": {"before": "proposed", "after": "in_library"}}])


class ProjectDecisionOut(BaseModel):
    """The office's decision on membership (入库审定)."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    outcome: Literal["admitted", "declined", "removed", "change_accepted", "change_declined"]
    proposal_id: UUID | None = Field(description="The change of a member that was decided on.")
    reason: Annotated[str, Field(max_length=2_000)] | None
    decided_by: UUID
    decided_at: datetime


class ProjectSort(StrEnum):
    UPDATED = "updated_at"
    UPDATED_DESCENDING = "-updated_at"
    NAME = "name"
    NAME_DESCENDING = "-name"


class ProjectNarrowing(BaseModel):
    """Which projects: the same for a list and for an export."""

    model_config = ConfigDict(extra="forbid")

    region_code: RegionCode | None = None
    building_stage: BuildingStage | None = None
    membership: Membership | None = None
    mode: ModeCode | None = Field(default=None, description="As primary or secondary mode.")
    organisation_id: UUID | None = Field(default=None, description="The investment entity.")
    year: QueryYear | None = Field(default=None, description="With funding in that year, or running in it.")
    source_system: ShortText | None = Field(default=None, examples=["province-projects"])
    updated_since: Moment | None = Field(
        default=None, description="RFC 3339 with an offset. Overlap a little: a commit may end after a later one."
    )


class ProjectFilters(ProjectNarrowing, PageParams):
    sort: ProjectSort = ProjectSort.UPDATED_DESCENDING
