"""Grants as sent and served."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.auth.scopes import ROLE_NAMES
from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, ReasonText, RegionCode
from app.core.pagination import PageParams
from app.models.identity import Grant, GrantState, Role


class GrantIn(Body):
    """A role, bound to a region or an organisation where `/v1/access-policy` says so, and to nothing otherwise."""

    role: Role = Field(examples=["region_editor"])
    region_code: RegionCode | None = None
    organisation_id: UUID | None = Field(default=None, examples=[None])
    reason: ReasonText = Field(examples=["经办人员调整（示例）"])


class GrantOut(BaseModel):
    """A role held by a person. `awaiting_second` gives nothing until another security administrator confirms it."""

    model_config = ConfigDict(from_attributes=True)
    id: UUID
    person_id: UUID
    role: Role
    role_name: Label
    region_code: Code | None
    organisation_id: UUID | None
    state: GrantState
    granted_by: UUID | None
    granted_at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    ended_by: UUID | None
    ended_at: datetime | None
    reason: Annotated[str, Field(max_length=2000)] | None
    end_reason: Annotated[str, Field(max_length=2000)] | None

    @classmethod
    def of(cls, grant: Grant) -> "GrantOut":
        return cls(**_members(grant))


class GrantDetail(GrantOut):
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]

    @classmethod
    def with_actions(cls, grant: Grant, actions: list[AllowedAction]) -> "GrantDetail":
        return cls(**_members(grant), allowed_actions=actions)


def _members(grant: Grant) -> dict[str, object]:
    columns = {name: getattr(grant, name) for name in GrantOut.model_fields if name != "role_name"}
    return {**columns, "role_name": ROLE_NAMES[Role(grant.role)][0]}


class GrantFilters(PageParams):
    state: GrantState | None = None
