"""What W0 has of others, put byte for byte into a world that cannot have it: where S was never judged, nothing can be
selected or published, and P must see the same selections and publications of others in it.
"""

import asyncpg

from app.models import metadata
from app.models.base import TableClass
from tests.worlds.cast import S

# Of nobody's region: what the mechanical acts over all regions leave.
_OF_ALL = ("publications", "evaluation_cycles", "case_rounds")
_TRACES = ("audit_entries", "outbox_events")
_ABOUT = ("publication", "evaluation_cycle", "case_round", "appraisal_file", "case_file")


def judged_tables() -> list[str]:
    """Judgement tables that name a region."""
    return [
        table.name
        for table in metadata.sorted_tables
        if table.info.get("class") is TableClass.JUDGEMENT and "region_code" in table.columns
    ]


async def inject(source: asyncpg.Connection, target: asyncpg.Connection) -> None:
    """Both by the superuser. Everything but what is about S, and of the traces only those of mechanical acts."""
    async with target.transaction():
        # Neither triggers nor foreign keys: the rows are right, for they come from a world that has them.
        await target.execute("SET LOCAL session_replication_role = replica")
        for table in judged_tables():
            await _put(source, target, table, "region_code <> $1", S)
        for table in _OF_ALL:
            await _put(source, target, table, "$1::text IS NOT NULL", S)
        for table in _TRACES:
            known = [row["id"] for row in await target.fetch(f"SELECT id FROM {table}")]
            rows = await source.fetchval(
                f"SELECT coalesce(jsonb_agg(t), '[]') FROM {table} AS t WHERE id <> ALL ($1) "
                "AND region_code IS DISTINCT FROM $2 AND resource_kind = ANY ($3)",
                known,
                S,
                list(_ABOUT),
            )
            await _insert(target, table, rows)


async def inject_records(source: asyncpg.Connection, target: asyncpg.Connection) -> None:
    """The record of the draws is a publication: what it tells of (how many were drawn, and how often) is told to
    everybody, and is the same in all worlds. Of `WP` too, whose panel came about otherwise."""
    await _put(source, target, "draw_records", "$1::text IS NOT NULL", S)


async def _put(source: asyncpg.Connection, target: asyncpg.Connection, table: str, which: str, value: str) -> None:
    rows = await source.fetchval(f"SELECT coalesce(jsonb_agg(t), '[]') FROM {table} AS t WHERE {which}", value)
    await target.execute(f"DELETE FROM {table} WHERE {which}", value)
    await _insert(target, table, rows)


async def _insert(target: asyncpg.Connection, table: str, rows: str) -> None:
    await target.execute(f"INSERT INTO {table} SELECT * FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)", rows)
