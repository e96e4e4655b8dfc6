"""Organisations as sent and served."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from app.core.fields import Body, Code, Label, RegionCode, ShortText, Version
from app.core.pagination import PageParams
from app.directory.rules import credit_code_fault, normalised_credit_code
from app.models.directory import OrganisationKind


def _valid(code: str) -> str:
    if fault := credit_code_fault(code):
        raise PydanticCustomError(fault, "credit code")
    return code


CreditCode = Annotated[
    str,
    BeforeValidator(lambda value: normalised_credit_code(value) if isinstance(value, str) else value),
    Field(max_length=18, description="GB 32100-2015, with its check digit.", examples=["91110000600037341L"]),
    AfterValidator(_valid),
]


class OrganisationIn(Body):
    """A body (单位). Either its credit code, or the reason why it has none."""

    name: ShortText = Field(examples=["二连浩特市农牧和科技局（示例）"])
    short_name: ShortText | None = None
    kind: OrganisationKind = Field(examples=["department"])
    credit_code: CreditCode | None = None
    no_code_reason: ShortText | None = None
    region_code: RegionCode
    parent_id: UUID | None = Field(default=None, examples=[None])
    charge_modes: list[Code] = Field(
        default_factory=list, max_length=20, description="For a league department: the modes in its charge."
    )

    @model_validator(mode="after")
    def _code_or_reason(self) -> "OrganisationIn":
        if self.credit_code is None and self.no_code_reason is None:
            raise PydanticCustomError("required", "credit_code or no_code_reason")
        return self


class OrganisationPatch(Body):
    """What may be changed; a member that is absent stays as it is."""

    name: ShortText | None = None
    short_name: ShortText | None = None
    credit_code: CreditCode | None = None
    no_code_reason: ShortText | None = None
    parent_id: UUID | None = None
    charge_modes: list[Code] | None = Field(default=None, max_length=20)


class OrganisationOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: UUID
    name: Label
    short_name: Label | None
    kind: OrganisationKind
    credit_code: Code | None
    no_code_reason: Label | None
    region_code: Code
    parent_id: UUID | None
    charge_modes: Annotated[list[Code], Field(max_length=20)]
    version: Version
    created_at: datetime
    updated_at: datetime


class OrganisationFilters(PageParams):
    region_code: RegionCode | None = None
    kind: OrganisationKind | None = None
    credit_code: CreditCode | None = None
