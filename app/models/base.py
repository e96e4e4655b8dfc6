"""What every table shares: naming, the class and subjects it declares, versioned rows.

Row-level security hides rows, not columns, so a table belongs to exactly one class and names the
subjects its rows speak of. The declarations are checked against the live catalogue by a test:
a table that declares nothing, or whose policies are not forced, fails it (default deny).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Date, DateTime, Integer, MetaData, Numeric, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column


class TableClass(StrEnum):
    """Who may read a table's rows, and what a recusal (回避, Art. 11) hides of them."""

    REFERENCE = "reference"
    DOSSIER = "dossier"
    PROCEEDING = "proceeding"
    JUDGEMENT = "judgement"
    CONFLICT = "conflict"
    PUBLISHED = "published"
    IDENTITY = "identity"
    MACHINERY = "machinery"


class SubjectKind(StrEnum):
    """What a recusal can be declared from; `kind:key` is the text stored in `walls.subject`."""

    REGION = "region"
    ORGANISATION = "organisation"
    PROJECT = "project"
    CASE = "case"


@dataclass(frozen=True, slots=True)
class Subject:
    """A column that names a subject of the row. A nullable one is walled only where it is set."""

    kind: SubjectKind
    column: str
    nullable: bool = False


REGION = Subject(SubjectKind.REGION, "region_code")
REGION_IF_ANY = Subject(SubjectKind.REGION, "region_code", nullable=True)
ORGANISATION_IF_ANY = Subject(SubjectKind.ORGANISATION, "organisation_id", nullable=True)
PROJECT = Subject(SubjectKind.PROJECT, "project_id")
PROJECT_IF_ANY = Subject(SubjectKind.PROJECT, "project_id", nullable=True)
CASE = Subject(SubjectKind.CASE, "case_id")
CASE_IF_ANY = Subject(SubjectKind.CASE, "case_id", nullable=True)
CASE_ITSELF = Subject(SubjectKind.CASE, "id")
PROJECT_ITSELF = Subject(SubjectKind.PROJECT, "id")


def declare(table_class: TableClass, *subjects: Subject) -> dict[str, Any]:
    """The `info` of a table: its class and its subjects."""
    return {"info": {"class": table_class, "subjects": subjects}}


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """Text with a closed set of values: cheaper to change in a migration than a native enum."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=f"{column}_known")


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        str: Text,
        int: Integer,
        UUID: Uuid(),
        date: Date,
        datetime: DateTime(timezone=True),
        Decimal: Numeric(16, 2),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
        list[UUID]: ARRAY(Uuid()),
    }


class Versioned:
    """An editable row: `version` rises with every update and is what `If-Match` compares.

    The two times come from the injected clock (the session sets them), never from the server's.
    """

    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - the class is what SQLAlchemy passes
        return {"version_id_col": cls.version}
