"""Clients and their secrets as sent and served. A secret is in one answer only: the one that made it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from app.auth.clients.rules import OFFICE_SOURCE, REGION_SOURCE, ClientState
from app.auth.scopes import CLIENT_SCOPES
from app.core.actions import AllowedAction
from app.core.fields import Body, Code, Label, RegionCode, ShortText, Version
from app.core.pagination import PageParams
from app.models.identity import Client


def _of_clients(value: str) -> str:
    if value not in CLIENT_SCOPES:
        raise PydanticCustomError("invalid_choice", "not a scope that a client can have")
    return value


def _of_no_staff(value: str) -> str:
    if value == OFFICE_SOURCE or value.startswith(REGION_SOURCE):
        raise PydanticCustomError("invalid_choice", "under this name a region's staff, or the office, push themselves")
    return value


LoginName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
        max_length=128,
        description="The `client_id` that it logs in by. Taken once, for ever.",
        examples=["province-projects"],
    ),
]
SourceSystem = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
        max_length=64,
        description="The name of the data's source: with a row's `external_id` the match key. It belongs to one "
        "organisation; several clients of it may push for it.",
        examples=["province-projects"],
    ),
]
ClientScope = Annotated[
    str, AfterValidator(_of_clients), Field(max_length=100, json_schema_extra={"enum": sorted(CLIENT_SCOPES)})
]
Scopes = Annotated[
    list[ClientScope],
    Field(min_length=1, max_length=len(CLIENT_SCOPES), examples=[["directory:read", "projects:push", "imports:read"]]),
]
Regions = Annotated[
    list[RegionCode],
    Field(min_length=1, max_length=200, description="Assessed regions (`/v1/regions`).", examples=[["152501"]]),
]
Quota = Annotated[int, Field(ge=1, le=1_000_000, strict=True)]


class ClientLimits(Body):
    """Requests in a window, where this client's differ from everybody's; null for those of everybody."""

    reads: Quota | None = Field(default=None, examples=[6000])
    writes: Quota | None = Field(default=None, examples=[600])
    pushes: Quota | None = Field(default=None, examples=[120])


class ClientIn(Body):
    """Another system, as it is registered."""

    client_id: LoginName
    name: ShortText = Field(examples=["盟项目台账系统（示例）"])
    organisation_id: UUID
    source_system: Annotated[SourceSystem, AfterValidator(_of_no_staff)]
    scopes: Scopes
    regions: Regions
    rate_limits: ClientLimits = Field(default_factory=ClientLimits)


class ClientPatch(Body):
    """Members that are absent stay. Login name, organisation and source system cannot be changed: register another."""

    name: ShortText | None = Field(default=None, examples=["盟项目台账系统（示例）"])
    scopes: Scopes | None = None
    regions: Regions | None = None
    rate_limits: ClientLimits | None = None


class ClientLimitsOut(BaseModel):
    """Requests in a window; null where the server's own apply."""

    reads: Quota | None
    writes: Quota | None
    pushes: Quota | None


class ClientOut(BaseModel):
    """A client. `scopes` and `regions` are in effect; those requested are so once a security administrator confirms."""

    id: UUID
    client_id: Label
    name: Label
    organisation_id: UUID
    source_system: Label
    state: ClientState
    scopes: list[Code] = Field(max_length=100)
    regions: list[Code] = Field(max_length=200)
    requested_scopes: list[Code] = Field(max_length=100)
    requested_regions: list[Code] = Field(max_length=200)
    requested_by: UUID | None = Field(description="Null where the operator registered it.")
    requested_at: datetime
    confirmed_by: UUID | None
    confirmed_at: datetime | None
    disabled_at: datetime | None = Field(description="Null while it can be used.")
    rate_limits: ClientLimitsOut
    version: Version
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, client: Client, state: ClientState) -> "ClientOut":
        return cls(**_members(client, state))


class ClientDetail(ClientOut):
    allowed_actions: Annotated[list[AllowedAction], Field(max_length=10)]

    @classmethod
    def with_actions(cls, client: Client, state: ClientState, actions: list[AllowedAction]) -> "ClientDetail":
        return cls(**_members(client, state), allowed_actions=actions)


def _members(client: Client, state: ClientState) -> dict[str, object]:
    columns = {name: getattr(client, name) for name in ClientOut.model_fields.keys() - {"state", "rate_limits"}}
    limits = ClientLimitsOut(reads=client.reads_limit, writes=client.writes_limit, pushes=client.pushes_limit)
    return {**columns, "state": state, "rate_limits": limits}


class ClientFilters(PageParams):
    organisation_id: UUID | None = None
    source_system: SourceSystem | None = None


class SecretMade(BaseModel):
    """A new secret: in this answer, and never again."""

    id: UUID
    secret: Annotated[str, Field(max_length=100, examples=["3q2-7wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"])]
    created_at: datetime


class SecretOut(BaseModel):
    """That there is, or was, a secret. What it is, nobody here knows."""

    id: UUID
    created_at: datetime
    revoked_at: datetime | None = Field(description="Null while it is accepted.")
