"""People, clients and what they may do. Login and secrets are reached through gate functions only."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import Base, TableClass, Versioned, declare, one_of


class Role(StrEnum):
    """A grant's role. Administration is split in three (三员分离): system, security, audit."""

    LEAGUE_OFFICE = "league_office"
    LEAGUE_COMMITTEE = "league_committee"
    DISCIPLINE_INSPECTOR = "discipline_inspector"
    LEAGUE_DEPARTMENT = "league_department"
    REGION_EDITOR = "region_editor"
    REGION_APPROVER = "region_approver"
    CONSTRUCTION_ENTITY = "construction_entity"
    EXPERT = "expert"
    AUDITOR = "auditor"
    SYSTEM_ADMIN = "system_admin"
    SECURITY_ADMIN = "security_admin"


class GrantState(StrEnum):
    AWAITING_SECOND = "awaiting_second"
    ACTIVE = "active"
    ENDED = "ended"


class Principal(Base):
    """Whoever a token can speak for. `rev` rises when that principal's scopes would change."""

    __tablename__ = "principals"
    __table_args__ = (one_of("kind", ("person", "client")), declare(TableClass.IDENTITY))
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    rev: Mapped[int] = mapped_column(default=1)
    disabled_at: Mapped[datetime | None]


class Person(Versioned, Base):
    """A natural person: never deleted, for recusals outlive accounts."""

    __tablename__ = "people"
    __table_args__ = declare(TableClass.IDENTITY)
    id: Mapped[UUID] = mapped_column(ForeignKey("principals.id"), primary_key=True)
    name: Mapped[str]


class IdentityKey(Base):
    """Keyed digest of a verified identity document: one natural person, one key, no number kept."""

    __tablename__ = "identity_keys"
    __table_args__ = declare(TableClass.IDENTITY)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    verified_by: Mapped[UUID]
    verified_at: Mapped[datetime]


class EmploymentKind(StrEnum):
    STAFF = "staff"
    SECONDED = "seconded"
    BOARD = "board"
    ADVISER = "adviser"
    SHAREHOLDER = "shareholder"


class Employment(Versioned, Base):
    """A dated tie between person and organisation; `posted_region` is where the person works (挂职 too)."""

    __tablename__ = "employments"
    __table_args__ = (
        one_of("kind", EmploymentKind),
        CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="dates_in_order"),
        Index("ix_employments_person_id", "person_id"),
        declare(TableClass.IDENTITY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    kind: Mapped[str]
    posted_region: Mapped[str | None] = mapped_column(ForeignKey("regions.code"))
    position: Mapped[str | None]
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]


class Account(Versioned, Base):
    """How a person logs in; the password's digest is not here but in `credentials`."""

    __tablename__ = "accounts"
    __table_args__ = declare(TableClass.IDENTITY)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"), primary_key=True)
    username: Mapped[str] = mapped_column(unique=True)
    is_demo: Mapped[bool] = mapped_column(default=False)
    disabled_at: Mapped[datetime | None]


class Credential(Base):
    __tablename__ = "credentials"
    __table_args__ = declare(TableClass.IDENTITY)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.person_id"), primary_key=True)
    password_hash: Mapped[str]
    failed_attempts: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    changed_at: Mapped[datetime]


class Grant(Base):
    """A role held by a person, bound to a region or an organisation where the role asks for it."""

    __tablename__ = "grants"
    __table_args__ = (
        one_of("role", Role),
        one_of("state", GrantState),
        CheckConstraint("confirmed_by IS NULL OR confirmed_by <> granted_by", name="two_people"),
        Index("ix_grants_person_id", "person_id"),
        Index(
            "uq_grants_live",
            "person_id",
            "role",
            text("coalesce(region_code, '')"),
            text("coalesce(organisation_id::text, '')"),
            unique=True,
            postgresql_where=text("state <> 'ended'"),
        ),
        declare(TableClass.IDENTITY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    role: Mapped[str]
    region_code: Mapped[str | None] = mapped_column(ForeignKey("regions.code"))
    organisation_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    state: Mapped[str]
    granted_by: Mapped[UUID | None]
    granted_at: Mapped[datetime]
    confirmed_by: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    ended_by: Mapped[UUID | None]
    ended_at: Mapped[datetime | None]
    reason: Mapped[str | None]
    end_reason: Mapped[str | None]


class Client(Versioned, Base):
    """Another system that pushes: bound to an organisation, a source system, regions and scopes.

    `scopes` and `regions` are in effect; `requested_…` is what they will be once a security administrator confirms it.
    `disabled_at` repeats the principal's, which no request may read. The limits of calls are null for the default.
    """

    __tablename__ = "clients"
    __table_args__ = (
        # The token's own grammar: a name outside it could be registered and never log in.
        CheckConstraint("client_id ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$'", name="client_id_shape"),
        CheckConstraint(
            "reads_limit BETWEEN 1 AND 1000000 AND writes_limit BETWEEN 1 AND 1000000 "
            "AND pushes_limit BETWEEN 1 AND 1000000",
            name="limits_in_range",
        ),
        declare(TableClass.IDENTITY),
    )
    id: Mapped[UUID] = mapped_column(ForeignKey("principals.id"), primary_key=True)
    client_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id"))
    source_system: Mapped[str]
    scopes: Mapped[list[str]]
    regions: Mapped[list[str]]
    requested_scopes: Mapped[list[str]]
    requested_regions: Mapped[list[str]]
    requested_by: Mapped[UUID | None]
    requested_at: Mapped[datetime]
    confirmed_by: Mapped[UUID | None]
    confirmed_at: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    reads_limit: Mapped[int | None]
    writes_limit: Mapped[int | None]
    pushes_limit: Mapped[int | None]
    is_demo: Mapped[bool] = mapped_column(default=False)


class ClientSecret(Base):
    """SHA-256 of a 256-bit secret, shown once. Two may live at a time, so that they can be rotated."""

    __tablename__ = "client_secrets"
    __table_args__ = (Index("ix_client_secrets_client_id", "client_id"), declare(TableClass.IDENTITY))
    id: Mapped[UUID] = mapped_column(primary_key=True)
    client_id: Mapped[UUID] = mapped_column(ForeignKey("clients.id"))
    digest: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class RefreshToken(Base):
    """One link of a family: used once, then replaced. Using it again ends the family (RFC 9700)."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        Index("ix_refresh_tokens_family_id", "family_id"),
        Index("ix_refresh_tokens_person_id", "person_id"),
        declare(TableClass.IDENTITY),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    family_id: Mapped[UUID]
    person_id: Mapped[UUID] = mapped_column(ForeignKey("people.id"))
    digest: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[str] | None]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SigningKeyRecord(Base):
    """A token-signing key, its private half sealed with the server's secret."""

    __tablename__ = "signing_keys"
    __table_args__ = (one_of("state", ("active", "retiring", "revoked")), declare(TableClass.IDENTITY))
    kid: Mapped[str] = mapped_column(primary_key=True)
    sealed_private_key: Mapped[str]
    public_jwk: Mapped[dict[str, Any]]
    state: Mapped[str]
    created_at: Mapped[datetime]
    retires_at: Mapped[datetime | None]
