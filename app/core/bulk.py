"""Many rows by one statement: the rows travel as one JSON array and PostgreSQL unfolds them.

One round trip whatever the count, no temporary table, and the policies of the target hold for every row.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import TableValuedAlias, bindparam, column, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.base import Base

Rows = Sequence[Mapping[str, Any]]


async def insert_rows(session: AsyncSession, model: type[Base], rows: Rows) -> None:
    """Insert all rows, each with the same members. Asks for nothing back."""
    if rows:
        names = list(rows[0])
        sent = _sent(model, names, rows)
        await session.execute(insert(model).from_select(names, select(*(sent.c[n] for n in names))))


async def insert_new_rows(session: AsyncSession, model: type[Base], rows: Rows, *, returning: str) -> set[Any]:
    """Insert what meets no existing row, visible or not; returns this column of what was inserted."""
    if not rows:
        return set()
    names = list(rows[0])
    sent = _sent(model, names, rows)
    statement = postgresql_insert(model).from_select(names, select(*(sent.c[n] for n in names)))
    found = await session.scalars(statement.on_conflict_do_nothing().returning(model.__table__.c[returning]))
    return set(found)


async def update_rows(session: AsyncSession, model: type[Base], rows: Rows, *, raised: str = "version") -> None:
    """Set every member of each row by its `id`, and raise its version."""
    if rows:
        names = list(rows[0])
        table = model.__table__
        sent = _sent(model, names, rows)
        values: dict[str, Any] = {n: sent.c[n] for n in names if n != "id"}
        statement = update(model).where(table.c.id == sent.c.id).values({**values, raised: table.c[raised] + 1})
        await session.execute(statement.execution_options(synchronize_session=False))


def _sent(model: type[Base], names: Sequence[str], rows: Rows) -> TableValuedAlias:
    columns = [column(name, model.__table__.c[name].type) for name in names]
    document = [{name: _plain(value) for name, value in row.items()} for row in rows]
    unfolded = func.jsonb_to_recordset(bindparam(None, document, type_=JSONB)).table_valued(*columns, name="sent")
    return unfolded.render_derived(with_types=True)


def _plain(value: Any) -> Any:
    match value:
        case UUID() | Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case _:
            return value
