"""What identity's routes take and give."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.fields import Code, Label, Secret, ShortText

GrantType = Annotated[str, Field(max_length=80, description="`password`, `client_credentials` or `refresh_token`.")]


class TokenRequest(BaseModel):
    """The OAuth 2.0 token request, as a form (RFC 6749). Unknown members are ignored, as the RFC asks."""

    grant_type: GrantType
    username: ShortText | None = Field(default=None, examples=["office1"])
    password: Secret | None = None
    refresh_token: Secret | None = None
    client_id: ShortText | None = None
    client_secret: Secret | None = None
    scope: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="Ask for fewer scopes than granted, separated by spaces."
    )


class TokenResponse(BaseModel):
    """RFC 6749 §5.1. `refresh_token` comes with the password grant only, and is used once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "eyJhbGciOiJFUzI1NiIs…",
                    "token_type": "Bearer",
                    "expires_in": 900,
                    "refresh_token": "vN2…",
                    "scope": "directory:read plans:read",
                }
            ]
        }
    )
    access_token: Annotated[str, Field(max_length=4096)]
    token_type: Annotated[str, Field(max_length=10)]
    expires_in: Annotated[int, Field(ge=1, le=3600)]
    refresh_token: Annotated[str, Field(max_length=100)] | None
    scope: Annotated[str, Field(max_length=2000)]


class RevocationRequest(BaseModel):
    """RFC 7009: a refresh token, or an access token of the same login."""

    token: Annotated[str, Field(min_length=1, max_length=4096)]
    token_type_hint: Annotated[str, Field(max_length=40)] | None = None


class IntrospectionRequest(BaseModel):
    """RFC 7662: an access token, and who asks (by HTTP Basic or in the form)."""

    token: Annotated[str, Field(min_length=1, max_length=4096)]
    token_type_hint: Annotated[str, Field(max_length=40)] | None = None
    client_id: ShortText | None = None
    client_secret: Secret | None = None


EpochSeconds = Annotated[int, Field(ge=0, le=2**53, description="Seconds since 1970 (UTC).", examples=[1772413200])]


class Introspection(BaseModel):
    """RFC 7662 §2.2. Of a token that is not active nothing more is said."""

    active: bool = Field(examples=[True])
    scope: Annotated[str, Field(max_length=2000, examples=["directory:read projects:push"])] | None = None
    client_id: Annotated[str, Field(max_length=128, examples=["province-projects"])] | None = None
    sub: Annotated[str, Field(max_length=64, description="The client's id.")] | None = None
    token_type: Annotated[str, Field(max_length=10, examples=["Bearer"])] | None = None
    iss: Annotated[str, Field(max_length=300)] | None = None
    aud: Annotated[str, Field(max_length=300)] | None = None
    iat: EpochSeconds | None = None
    exp: EpochSeconds | None = None
    jti: Annotated[str, Field(max_length=64)] | None = None


INACTIVE = Introspection(active=False)


class PublicKey(BaseModel):
    """A P-256 point (RFC 7517)."""

    kty: Annotated[str, Field(max_length=2, examples=["EC"])]
    crv: Annotated[str, Field(max_length=5, examples=["P-256"])]
    x: Annotated[str, Field(max_length=43, examples=["gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0"])]
    y: Annotated[str, Field(max_length=43, examples=["SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"])]
    kid: Annotated[str, Field(max_length=64, examples=["20260302-0a1b2c3d"])]
    use: Annotated[str, Field(max_length=3, examples=["sig"])]
    alg: Annotated[str, Field(max_length=5, examples=["ES256"])]


class KeySet(BaseModel):
    """RFC 7517."""

    keys: list[PublicKey] = Field(max_length=50)


Address = Annotated[str, Field(max_length=300, examples=["https://liangshan.example/v1/auth/token"])]


class ServerMetadata(BaseModel):
    """RFC 8414."""

    issuer: Address
    token_endpoint: Address
    revocation_endpoint: Address
    introspection_endpoint: Address
    jwks_uri: Address
    grant_types_supported: list[Code] = Field(max_length=10)
    token_endpoint_auth_methods_supported: list[Code] = Field(max_length=10)
    introspection_endpoint_auth_methods_supported: list[Code] = Field(max_length=10)
    response_types_supported: list[Code] = Field(max_length=10)
    scopes_supported: list[Code] = Field(max_length=100)


class PasswordChange(BaseModel):
    model_config = ConfigDict(extra="forbid")

    current_password: Secret
    new_password: Secret


class GrantOfMine(BaseModel):
    """A role that you hold."""

    id: UUID
    role: Code
    role_name: Label
    region_code: Code | None
    organisation_id: UUID | None


class MissingScope(BaseModel):
    """A scope that your token does not carry, and why."""

    scope: Code
    name: Label
    reason: Code = Field(
        description="`no_role`; of a judging scope `commitment_missing`, `declaration_missing` or `assignment_missing` "
        "(the role is there, what Art. 11 asks for is not); or `not_asked_for` (the token was asked for fewer scopes)."
    )
    detail: Label


class Me(BaseModel):
    """Who you are to this system, and what you may do."""

    kind: Code
    id: UUID
    name: Label
    username: Label | None
    client_id: Label
    source_system: Label | None
    grants: list[GrantOfMine] = Field(max_length=200)
    scopes: list[Code] = Field(max_length=100)
    missing_scopes: list[MissingScope] = Field(max_length=100)


class ScopeEntry(BaseModel):
    scope: Code
    name: Label
    name_en: Label
    article: Code | None
    judging: bool


class RoleEntry(BaseModel):
    role: Code
    name: Label
    name_en: Label
    bound_to: Code | None = Field(description="`region`, `organisation` or null: what a grant must name.")
    scopes: list[Code] = Field(max_length=100)
    needs_second_person: bool


class TableEntry(BaseModel):
    """A table, and by which of its subjects its rows are walled (`region`, `organisation`, `project`, `case`)."""

    name: Code
    subjects: list[Code] = Field(max_length=10)


class ClassEntry(BaseModel):
    """One class of tables: who reads its rows, and what becomes of them for a person who is recused."""

    table_class: Code
    holds: Label
    read_by: Label
    when_recused: Label
    tables: list[TableEntry] = Field(max_length=200)


class StaffingEntry(BaseModel):
    """How many different people hold the role at the least, or some matter finds nobody who may decide it."""

    role: Code
    people: Annotated[int, Field(ge=1, le=100)]
    reason: Label


class AccessPolicy(BaseModel):
    """The whole policy: scopes, roles and the class of every table. Generated, never written by hand."""

    scopes: list[ScopeEntry] = Field(max_length=100)
    roles: list[RoleEntry] = Field(max_length=50)
    client_scopes: list[Code] = Field(max_length=100)
    classes: list[ClassEntry] = Field(max_length=20)
    minimum_staffing: list[StaffingEntry] = Field(max_length=50)
