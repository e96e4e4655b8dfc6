"""Earlier years, entered later (补录): what was counted, planned and published before this system was there.

Every entry names the document that it was taken from. Entries are never changed: a correction is a further edition of
the same, and the one before stands. Nothing that this system computed is kept here.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.models.base import REGION, Base, TableClass, declare


class EnteredLater:
    """What the entries share. `edition` counts from 1 for each source system's entry on the same thing."""

    id: Mapped[UUID] = mapped_column(primary_key=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("regions.code"))
    year: Mapped[int]
    source_system: Mapped[str]
    edition: Mapped[int]
    source_title: Mapped[str]
    source_number: Mapped[str | None]
    source_date: Mapped[date]
    import_run_id: Mapped[UUID] = mapped_column(ForeignKey("import_runs.id"))
    entered_by: Mapped[UUID] = mapped_column(ForeignKey("principals.id"))
    entered_at: Mapped[datetime]


def _args(table: str, table_class: TableClass, *more: str) -> tuple[Any, ...]:
    """`more`: by what, beside region and year, entries of one source are told apart."""
    key = ("region_code", "year", *more, "source_system", "edition")
    return (
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year_range"),
        CheckConstraint("edition >= 1", name="edition_from_one"),
        UniqueConstraint(*key, name=f"uq_{table}_edition"),
        Index(f"ix_{table}_import_run_id", "import_run_id"),
        declare(table_class, REGION),
    )


class IndicatorValue(EnteredLater, Base):
    """An indicator's value (指标值) of an earlier year, in the indicator's unit."""

    __tablename__ = "indicator_values"
    __table_args__ = _args(__tablename__, TableClass.DOSSIER, "indicator_code")
    indicator_code: Mapped[str] = mapped_column(ForeignKey("indicators.code"))
    value: Mapped[Decimal]


class EarlierPlan(EnteredLater, Base):
    """A yearly plan (年度计划, Art. 3) that was filed before: its document is the source. Under no workflow here."""

    __tablename__ = "earlier_plans"
    __table_args__ = _args(__tablename__, TableClass.DOSSIER)
    filing_number: Mapped[str | None]
    overview: Mapped[str | None]
    targets: Mapped[list[Any]]


class EarlierResult(EnteredLater, Base):
    """A grade (等次, Art. 10) as it was published elsewhere. Nothing computes from it."""

    __tablename__ = "earlier_results"
    __table_args__ = _args(__tablename__, TableClass.PUBLISHED)
    grade: Mapped[str]
