"""The staging of a push: its rows travel once, by COPY, into tables of the connection's own.

Temporary tables carry no policies and nobody else sees them; every row that leaves them for a table of the house
meets that table's policies. They are empty again at the end of the transaction.
"""

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any, cast

from asyncpg import Connection
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import FieldError
from app.projects.bulk.columns import BITS, COLUMNS
from app.projects.content import Values, lines_of

_CONTENT = ", ".join(f"{column.name} {column.sql}" for column in COLUMNS)
# `faults`: `pointer|code`, of rows that are whole but contradict themselves; `broken`: of rows that are not.
_TABLES = (
    f"""staged_rows (index integer PRIMARY KEY, place integer, external_id text, region_code text, stated integer,
        {_CONTENT},
        entity_name text, entity_kind text, entity_code text, stage_reason text, faults text[], broken text[])""",
    # What stands: of the row's project, with what its source has proposed since. `stands`: the project alone.
    f"""held_rows (index integer PRIMARY KEY, id uuid, region_code text, version integer, membership text, {_CONTENT},
        organisation_id uuid, practice_area_id uuid, proposal_id uuid, stands jsonb, owned text[])""",
    # What the row's project would say.
    f"""merged_rows (index integer PRIMARY KEY, id uuid, region_code text, external_id text, held boolean,
        version integer, membership text, {_CONTENT}, organisation_id uuid, practice_area_id uuid, entity integer,
        stage_reason text, faults text[])""",
    """wanted_entities (number integer PRIMARY KEY, region_code text, name text, kind text, credit_code text,
        organisation_id uuid, ambiguous boolean)""",
    "made_entities (id uuid PRIMARY KEY, region_code text)",
    """settled_rows (index integer PRIMARY KEY, id uuid, action text, changed text[], faults text[],
        before jsonb, after jsonb, withheld text[])""",
    "withheld_rows (index integer PRIMARY KEY, members text[], said jsonb)",
    "left_projects (id uuid PRIMARY KEY, region_code text, version integer, organisation_id uuid)",
)


@dataclass(frozen=True, slots=True)
class Entity:
    """The investment entity as a row names it. `kind` counts only where it is new: the directory is the office's."""

    name: str
    kind: str
    credit_code: str | None


@dataclass(frozen=True, slots=True)
class Incoming:
    """A row that could be read: what it states by column, its entity, and why its stage moves back."""

    external_id: str
    region_code: str
    values: Values
    entity: Entity
    stage_reason: str | None
    faults: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that could not: what is wrong with it, and what of it could be understood all the same."""

    external_id: str | None
    region_code: str | None
    faults: tuple[FieldError, ...]


async def open_staging(session: AsyncSession) -> None:
    """Empty staging tables on this connection, for this transaction."""
    # Kept for the connection's life: making them for each push would fill the catalogue.
    making = [f"CREATE TEMPORARY TABLE IF NOT EXISTS {table} ON COMMIT DELETE ROWS" for table in _TABLES]
    driver = await driver_of(session)
    await driver.execute("; ".join(["SET LOCAL client_min_messages = warning", *making]))


async def stage(session: AsyncSession, rows: AsyncIterator[tuple[int, int, Incoming | Broken]]) -> None:
    """COPY the rows (index, place in the body, row) as they come."""
    driver = await driver_of(session)
    names = ["index", "place", "external_id", "region_code", "stated", *(column.name for column in COLUMNS)]
    names += ["entity_name", "entity_kind", "entity_code", "stage_reason", "faults", "broken"]
    records = (_record(*row) async for row in rows)
    await driver.copy_records_to_table("staged_rows", records=records, columns=names)


async def driver_of(session: AsyncSession) -> "Connection[Any]":
    """The connection under the session's transaction: only it speaks COPY."""
    connection = await (await session.connection()).get_raw_connection()
    return cast("Connection[Any]", connection.driver_connection)


def spelled(faults: Iterable[FieldError]) -> list[str]:
    return [f"{fault.pointer}|{fault.code}" for fault in faults]


def _record(index: int, place: int, row: Incoming | Broken) -> tuple[Any, ...]:
    if isinstance(row, Broken):
        nothing = (None,) * (len(COLUMNS) + 5)
        return (index, place, row.external_id, row.region_code, *nothing, [], spelled(row.faults))
    values, entity = row.values, row.entity
    said = 0
    for name in values:
        said |= BITS[name]
    content = [values.get(column.name) for column in COLUMNS[:-1]]
    lines = json.dumps(lines_of(values.get("funding", ())), ensure_ascii=False)
    named = (entity.name, entity.kind, entity.credit_code, row.stage_reason)
    return (index, place, row.external_id, row.region_code, said, *content, lines, *named, spelled(row.faults), None)
