"""Pairs, ownership and the versions of a project, as sent and served."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, ReasonBody, ReasonText, RegionCode, ShortText, Version
from app.core.pagination import PageParams
from app.models.projects import Membership
from app.projects.schemas import ExternalId

_LongReason = Annotated[str, Field(max_length=2_000)]
_Members = dict[Code, object]


class MatchState(StrEnum):
    OPEN = "open"
    SAME = "same"
    DISTINCT = "distinct"
    WITHDRAWN = "withdrawn"


class MatchBasis(StrEnum):
    NATIONAL_CODE = "national_code"
    NAME = "name"


class MatchFilters(PageParams):
    state: MatchState | None = None
    basis: MatchBasis | None = None
    region_code: RegionCode | None = Field(default=None, description="Of either of the two.")
    project_id: UUID | None = Field(default=None, description="Either of the two.")
    source_system: ShortText | None = Field(
        default=None, description="Of either of the two.", examples=["province-projects"]
    )


class MatchSide(BaseModel):
    """One of the two, as it stands."""

    project_id: UUID
    region_code: Code
    source_system: Code | None = Field(description="Null where it was drafted by hand.")
    external_ids: list[ExternalId] = Field(max_length=100)
    name: Label
    membership: Membership
    updated_at: datetime


class TwoValues(BaseModel):
    """What each of the two says."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"project": "construction", "other": "completed"}]})
    project: object = Field(description="The member's value, as the project shows it.")
    other: object = Field(description="The member's value, as the other shows it.")


class MatchDecisionOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    outcome: Literal["same", "distinct", "reopened"]
    kept_project_id: UUID | None
    reason: _LongReason
    decided_by: UUID
    decided_at: datetime


class MatchOut(BaseModel):
    """Two projects of different sources that may be one. `version` rises when the pair or either of the two changes:
    a decision is about what you saw."""

    id: UUID
    state: MatchState
    basis: MatchBasis
    found_at: datetime
    import_run_id: UUID | None = Field(description="The push after which it was found.")
    project: MatchSide
    other: MatchSide
    differences: dict[Code, TwoValues] = Field(
        description="Member → what each says, for what differs.",
        examples=[{"building_stage": {"project": "construction", "other": "completed"}}],
    )
    kept_project_id: UUID | None = Field(description="Of a pair that is `same`: the one that counts.")
    last_decision: MatchDecisionOut | None
    allowed_actions: list[AllowedAction] = Field(max_length=10)
    version: Version


class SameIn(ReasonBody):
    """They are one project: which of the two is kept, and why."""

    kept_project_id: UUID


class Member(StrEnum):
    """What a source may own."""

    NAME = "name"
    NATIONAL_CODE = "national_code"
    CONSTRUCTION_CONTENT = "construction_content"
    PRIMARY_MODE = "primary_mode"
    SECONDARY_MODES = "secondary_modes"
    AXIS = "axis"
    BUILDING_STAGE = "building_stage"
    STARTS_ON = "starts_on"
    ENDS_ON = "ends_on"
    EXPECTED_BENEFITS = "expected_benefits"
    LOCATION = "location"
    FUNDING = "funding"


class OwnershipRule(Body):
    """This source owns this member: in one region, or, without one, in all that no rule of their own names."""

    member: Member = Field(examples=["funding"])
    source_system: ShortText = Field(examples=["finance-funds"])
    region_code: RegionCode | None = Field(default=None, examples=[None])


class OwnershipIn(Body):
    """The whole table: it takes the place of the one before."""

    rules: Annotated[list[OwnershipRule], Field(max_length=500)]
    reason: ReasonText = Field(examples=["资金数据以财政系统为准（示例）"])

    @model_validator(mode="after")
    def _once(self) -> Self:
        keys = [(rule.member, rule.region_code) for rule in self.rules]
        if len(set(keys)) != len(keys):
            raise PydanticCustomError("duplicate", "one owner for each member and region")
        return self


class OwnershipOut(BaseModel):
    """The table that counts. Version 1, without rules, is there from the start."""

    rules: list[OwnershipRule] = Field(max_length=500)
    version: Version
    reason: _LongReason | None
    decided_by: UUID | None
    decided_at: datetime | None


class WithheldWord(BaseModel):
    """What the source said of a member that another one owns."""

    member: Code
    value: object
    import_run_id: UUID
    said_at: datetime


class SourceVersion(BaseModel):
    """What one source says. `last_said_at`, `import_run_id`: its last run that changed the row, or would have."""

    project_id: UUID
    source_system: Code | None = Field(description="Null where it was drafted by hand.")
    kept: bool
    membership: Membership
    external_ids: list[ExternalId] = Field(max_length=100)
    values: _Members = Field(examples=[{"name": "有机乳品原料基地项目（示例）"}])
    withheld: list[WithheldWord] = Field(max_length=40)
    last_said_at: datetime | None
    import_run_id: UUID | None


class LastWriter(BaseModel):
    """Who changed a member last. `source_system`: of the push that did, where you may see that push."""

    member: Code
    written_at: datetime
    action: Code
    actor_kind: Code
    actor_id: UUID
    import_run_id: UUID | None
    source_system: Code | None
    owner: Code | None = Field(description="The source that owns the member here (`/v1/field-ownership`).")


class ProjectSources(BaseModel):
    """The versions of one project that you may see, the kept one first, and who wrote each member of it last."""

    project_id: UUID
    same_as: UUID | None = Field(description="The kept project whose version this one is, where you may see it.")
    sources: list[SourceVersion] = Field(max_length=100)
    members: list[LastWriter] = Field(max_length=50)
