"""Recusals as sent and served: whole to those who decide, as a notice to the person concerned."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, LongText, ReasonText, RegionCode, Version
from app.core.pagination import PageParams
from app.declarations.recusals.rules import BarredFrom, Decision, Initiation, named
from app.models.base import SubjectKind
from app.models.declarations import Initiator, RecusalState

RelationCode = Annotated[
    str,
    Field(pattern=r"^[a-z_]{1,60}$", max_length=60, description="A code of `/v1/relations`.", examples=["kinship"]),
]
BasisCode = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9_]{1,60}$",
        max_length=60,
        description="A code of `/v1/legal-bases`: the version that holds now is kept with the decision.",
        examples=["civil_servants_76"],
    ),
]
Reason = Annotated[str, Field(max_length=2000)]


class SubjectIn(Body):
    """Exactly one of the four."""

    region_code: RegionCode | None = None
    organisation_id: UUID | None = Field(default=None, examples=[None])
    project_id: UUID | None = Field(default=None, examples=[None])
    case_id: UUID | None = Field(default=None, examples=[None])

    def subjects(self) -> tuple[BarredFrom, ...]:
        return named((self.region_code, self.organisation_id, self.project_id, self.case_id))


class RecusalIn(SubjectIn):
    """`person_id` is who should not judge or handle it; left out for `self`."""

    initiator: Initiation = Field(examples=["informant"])
    person_id: UUID | None = Field(default=None, examples=["0b9d7c34-2f0e-4d7c-9a61-3c8f1f2f9a10"])
    relation_code: RelationCode
    statement: LongText = Field(examples=["该专家曾任本地企业顾问（示例）"])


class DecisionIn(Body):
    """The reason is told to the person concerned: it names neither who applied nor who informed."""

    outcome: Decision
    reason: ReasonText = Field(examples=["任职经历属实，符合回避情形（示例）"])
    legal_basis: BasisCode | None = None


class LiftIn(Body):
    """Why the ground has ceased to be (情形消除)."""

    reason: ReasonText = Field(examples=["任职关系已解除满一年（示例）"])
    legal_basis: BasisCode | None = None


class NoticeOut(BaseModel):
    """What the person concerned is told: from what, since when, and why once it is decided; never who started it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID = Field(validation_alias="recusal_id")
    subject_kind: SubjectKind
    subject_key: Code = Field(
        description="The region's code, or the id of the organisation, project or case.", examples=["152501"]
    )
    subject_name: Label | None = Field(description="As far as you may see it.", examples=["二连浩特市"])
    state: RecusalState
    since: datetime
    reason: Reason | None
    legal_basis: Label | None
    legal_basis_version: Version | None
    updated_at: datetime


class RecusalDecisionOut(BaseModel):
    """One decision, with its reason. Lifting takes two of them."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    outcome: Code = Field(description="`in_force`, `rejected`, `lift_proposed` or `lifted`.")
    reason: Reason
    legal_basis: Label | None
    legal_basis_version: Version | None
    decided_by: UUID
    decided_by_name: Label | None
    decided_at: datetime


class RecusalOut(BaseModel):
    """A recusal as deciders see it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    person_id: UUID
    person_name: Label
    region_code: Code | None
    organisation_id: UUID | None
    project_id: UUID | None
    case_id: UUID | None
    reaches: Annotated[list[Code], Field(max_length=1000)] = Field(
        description="What else it bars from: the regions whose libraries hold the organisation or project.",
        examples=[["region:152501"]],
    )
    initiator: Initiator
    initiated_by: UUID | None
    initiated_by_name: Label | None
    relation_code: Code
    statement: Annotated[str, Field(max_length=20_000)]
    attributed_to: UUID | None = Field(
        description="Of one that a check found: the person or system whose act brought it about.", examples=[None]
    )
    state: RecusalState
    declared_at: datetime
    due_on: date | None = Field(description="By when it is to be decided, in working days from its start.")
    version: Version
    updated_at: datetime


class RecusalDetail(RecusalOut):
    decisions: Annotated[list[RecusalDecisionOut], Field(max_length=200)]
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]


class RecusalFilters(PageParams):
    state: RecusalState | None = None
    person_id: UUID | None = None
    region_code: RegionCode | None = Field(default=None, description="From the region itself, or reaching it.")
    overdue: bool | None = Field(default=None, description="Undecided after its day, or not.")


class NoticeFilters(PageParams):
    state: RecusalState | None = None
