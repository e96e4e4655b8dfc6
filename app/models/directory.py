"""Regions, organisations, practice areas and the reference data they share (Art. 1-3)."""

from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import Text

from app.models.base import REGION, Base, TableClass, Versioned, declare, one_of


class Region(Base):
    """A division (区划): the league and its assessed units. A table, not an enum: units come and go."""

    __tablename__ = "regions"
    __table_args__ = (
        one_of("level", ("league", "county")),
        one_of("code_system", ("GB2260", "NBS")),
        CheckConstraint("code ~ '^[0-9]{6}$'", name="code_shape"),
        declare(TableClass.REFERENCE),
    )
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_mn: Mapped[str | None]
    name_en: Mapped[str]
    level: Mapped[str]
    code_system: Mapped[str]
    org_type: Mapped[str]
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("regions.code"))
    assessed: Mapped[bool]


class OrganisationKind(StrEnum):
    PARTY_COMMITTEE = "party_committee"
    GOVERNMENT = "government"
    MANAGEMENT_COMMITTEE = "management_committee"
    DEPARTMENT = "department"
    PUBLIC_INSTITUTION = "public_institution"
    ENTERPRISE = "enterprise"
    TOWNSHIP = "township"
    STATE_FARM = "state_farm"
    COOPERATIVE = "cooperative"
    GACHA_COLLECTIVE = "gacha_collective"
    FAMILY_RANCH = "family_ranch"
    INSTITUTE = "institute"


class Organisation(Versioned, Base):
    """A body (单位). `credit_code` is the GB 32100 code, or null with the reason it has none.

    `charge_modes`: the conversion modes a league department answers for (its field).
    """

    __tablename__ = "organisations"
    __table_args__ = (
        one_of("kind", OrganisationKind),
        CheckConstraint("credit_code IS NOT NULL OR no_code_reason IS NOT NULL", name="code_or_reason"),
        Index("ix_organisations_region_code", "region_code"),
        Index("ix_organisations_name", "name"),
        declare(TableClass.REFERENCE),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    short_name: Mapped[str | None]
    kind: Mapped[str]
    credit_code: Mapped[str | None] = mapped_column(unique=True)
    no_code_reason: Mapped[str | None]
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("organisations.id"))
    charge_modes: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)


class PracticeAreaState(StrEnum):
    ESTABLISHED = "established"
    ADJUSTED = "adjusted"
    WITHDRAWN = "withdrawn"


class PracticeArea(Versioned, Base):
    """A practice area (实践区): where entities try out a way from green to gold (Art. 1, 4)."""

    __tablename__ = "practice_areas"
    __table_args__ = (
        one_of("state", PracticeAreaState),
        Index("ix_practice_areas_region_code", "region_code"),
        declare(TableClass.REFERENCE, REGION),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    name: Mapped[str]
    function: Mapped[str | None]
    mode_code: Mapped[str | None] = mapped_column(ForeignKey("conversion_modes.code"))
    entity_ids: Mapped[list[UUID]] = mapped_column(default=list)
    geometry: Mapped[dict[str, Any] | None]
    state: Mapped[str]
    established_on: Mapped[date | None]
    state_reason: Mapped[str | None]


class ConversionMode(Base):
    """A way of conversion (转化模式); the national eight by default, as data."""

    __tablename__ = "conversion_modes"
    __table_args__ = declare(TableClass.REFERENCE)
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str] = mapped_column(unique=True)
    name_en: Mapped[str]
    scheme: Mapped[str]
    position: Mapped[int]


class FundingSource(Base):
    """Where money comes from (资金来源)."""

    __tablename__ = "funding_sources"
    __table_args__ = declare(TableClass.REFERENCE)
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str] = mapped_column(unique=True)
    name_en: Mapped[str]
    position: Mapped[int]


class Indicator(Base):
    """One indicator, shared by plan targets, outcomes and schemes, or years cannot be compared."""

    __tablename__ = "indicators"
    __table_args__ = (
        one_of("direction", ("higher", "lower", "done", "none")),
        declare(TableClass.REFERENCE),
    )
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    unit: Mapped[str]
    direction: Mapped[str]
    aggregations: Mapped[list[str]]
    source_body: Mapped[str]
    is_example: Mapped[bool]
    position: Mapped[int]


class Relation(Base):
    """A relation that can call for recusal, per capacity: versioned data, not code (Art. 11)."""

    __tablename__ = "relations"
    __table_args__ = declare(TableClass.REFERENCE)
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    capacities: Mapped[list[str]]
    look_back_years: Mapped[int | None]
    basis: Mapped[str | None]
    is_example: Mapped[bool]
    position: Mapped[int]


class LegalBasis(Base):
    """What a decision on a recusal can be grounded on (法律依据), by version: a decision names the version that held.

    `applies`: `directly`, or `by_analogy` where the law was written for something else (参照).
    """

    __tablename__ = "legal_bases"
    __table_args__ = (one_of("applies", ("directly", "by_analogy")), declare(TableClass.REFERENCE))
    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    title_zh: Mapped[str]
    provision_zh: Mapped[str]
    gist_zh: Mapped[str]
    applies: Mapped[str]
    since: Mapped[date | None]
    position: Mapped[int]


class CalendarDay(Base):
    """A day that is not what its weekday says: a holiday (节假日), or a weekend that is worked (调休)."""

    __tablename__ = "calendar_days"
    __table_args__ = (one_of("kind", ("holiday", "workday")), declare(TableClass.REFERENCE))
    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name_zh: Mapped[str]
    is_example: Mapped[bool]


class TimeLimit(Base):
    """Within how many working days (工作日) something is to be done."""

    __tablename__ = "time_limits"
    __table_args__ = (CheckConstraint("working_days >= 1", name="some_days"), declare(TableClass.REFERENCE))
    code: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    working_days: Mapped[int]
    is_example: Mapped[bool]
    position: Mapped[int]
