"""A judgement table and its child that exist in tests only, made as a migration will make them."""

import asyncpg
from sqlalchemy import Column, ForeignKeyConstraint, MetaData, Numeric, Table, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from app.models.base import ORGANISATION_IF_ANY, PROJECT_IF_ANY, REGION, TableClass, declare
from app.models.ddl import holds, not_walled, protect, walls_on

tables = MetaData()

FILES = Table(
    "probe_files",
    tables,
    Column("id", Uuid(), primary_key=True),
    Column("region_code", Text(), nullable=False),
    Column("organisation_id", Uuid()),
    Column("project_id", Uuid()),
    Column("name", Text(), nullable=False, unique=True),
    Column("score", Numeric(5, 2)),
    UniqueConstraint("id", "region_code"),
    **declare(TableClass.JUDGEMENT, REGION, ORGANISATION_IF_ANY, PROJECT_IF_ANY),
)
SHEETS = Table(
    "probe_sheets",
    tables,
    Column("id", Uuid(), primary_key=True),
    Column("file_id", Uuid(), nullable=False),
    Column("region_code", Text(), nullable=False),
    ForeignKeyConstraint(
        ["file_id", "region_code"], ["probe_files.id", "probe_files.region_code"], name="probe_sheets_file"
    ),
    **declare(TableClass.JUDGEMENT, REGION),
)

ALL = ("select", "insert", "update", "delete")
JUDGES = holds("league_office", "league_committee")
KNOWN = "(SELECT gate.kind()) IS NOT NULL"
FILE_WALL = " AND ".join(
    [
        KNOWN,
        not_walled("region", "region_code"),
        not_walled("organisation", "organisation_id", nullable=True),
        not_walled("project", "project_id", nullable=True),
    ]
)
SHEET_WALL = f"{KNOWN} AND {not_walled('region', 'region_code')}"


async def create(owner: asyncpg.Connection) -> None:
    for table, wall in ((FILES, FILE_WALL), (SHEETS, SHEET_WALL)):
        dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
        await owner.execute(str(CreateTable(table).compile(dialect=dialect)))
        for statement in protect(
            table.name, select=JUDGES, insert=JUDGES, update=JUDGES, delete=JUDGES, walls=walls_on(ALL, wall)
        ):
            await owner.execute(statement)
