"""Direct SQL of the requests' role, with a person's context: what a query that forgot its predicate would give.

Played in one transaction by a superuser who takes the role, so that a policy can be taken away before and is there
again after.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from app.models import metadata
from app.models.base import TableClass
from app.models.ddl import APP
from tests.worlds.cast import S

# What the walled may write of S, with the reason.
OPEN: dict[str, str] = {
    **{
        f"{command} audit_entries": "what must be recorded does not depend on who writes it; ids are random"
        for command in ("insert", "upsert")
    },
    **{
        f"{command} reporting_task_regions": "a task is put to all regions: it neither handles nor judges one"
        for command in ("insert", "upsert")
    },
}
JUDGED = (TableClass.JUDGEMENT, TableClass.CONFLICT)


@dataclass(frozen=True, slots=True)
class Target:
    """A table, a row of S in it that W0 has (as JSON), and where its rows of S are."""

    table: str
    row: str
    of_s: str
    setting: str
    of_case: str | None
    judged: bool


@dataclass
class Seen:
    """By statement: what it gave, or how it was refused. `touched`: statements that reached what is of S."""

    answers: dict[str, Any] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    client: bool = False


async def targets(full: asyncpg.Connection, people: Sequence[UUID]) -> list[Target]:
    """By the superuser in W0: every table with a wall, with a row of S, or of somebody not walled."""
    walled = await full.fetch("SELECT DISTINCT tablename FROM pg_policies WHERE permissive = 'RESTRICTIVE'")
    names = {row["tablename"] for row in walled}
    case = await full.fetchval(f"SELECT id FROM cases WHERE region_code = '{S}'")
    listed = ", ".join(f"'{one}'" for one in people)
    found = []
    for table in metadata.sorted_tables:
        if table.name not in names:
            continue
        of_s = f"region_code = '{S}'" if "region_code" in table.columns else f"person_id NOT IN ({listed})"
        row = await full.fetchval(f"SELECT to_jsonb(t)::text FROM {table.name} AS t WHERE {of_s} ORDER BY 1 LIMIT 1")
        # What is disclosed comes with the publication.
        if row is None and table.name == "disclosed_explanations":
            continue
        assert row is not None, f"W0 has nothing of S in {table.name}: let the script make it"
        of_case = f"case_id = '{case}'" if "case_id" in table.columns else None
        judged = table.info["class"] in JUDGED
        found.append(Target(table.name, row, of_s, _settable(table), of_case, judged))
    return found


def _settable(table: Any) -> str:
    """`column = value` that reads nothing of the row, so that no policy on reading helps."""
    if "version" in table.columns and "created_at" in table.columns:
        return "version = 1"
    for column in table.columns:
        if column.nullable and not column.primary_key:
            return f"{column.name} = NULL"
    column = next(c for c in reversed(list(table.columns)) if not c.primary_key)
    return f"{column.name} = DEFAULT"


async def look(
    connection: asyncpg.Connection,
    who: tuple[str, UUID],
    targets: Sequence[Target],
    *,
    undone: Sequence[str] = (),
    only: str | None = None,
    acts: Sequence[str] = (),
    of_case: bool = False,
) -> Seen:
    """All of it as the person, after `undone` (DDL), and nothing of it stays. `only`: of this table.
    `of_case`: who is walled from the case of S alone.
    """
    seen = Seen(client=who[0] != "person")
    transaction = connection.transaction()
    await transaction.start()
    try:
        for statement in undone:
            await connection.execute(statement)
        await connection.execute(f"SET LOCAL ROLE {APP}")
        await connection.execute("SELECT gate.enter($1, $2, '{}')", who[0], who[1])
        for table in metadata.sorted_tables:
            if only not in {None, table.name}:
                continue
            rows = f"SELECT array_agg(to_jsonb(t)::text ORDER BY to_jsonb(t)::text) FROM {table.name} AS t"
            await _try(connection, seen, f"select {table.name}", rows, fetch=True)
        for target in targets:
            if only in {None, target.table}:
                await _read(connection, seen, target, of_case=of_case)
                if not of_case:
                    await _write(connection, seen, target)
        for act in acts:
            await _try(connection, seen, act, act, fetch=True)
    finally:
        await transaction.rollback()
    return seen


async def _read(connection: asyncpg.Connection, seen: Seen, target: Target, *, of_case: bool) -> None:
    """Of judgement and conflict not even a count. Of what has no region, this is said of who is no person."""
    where = target.of_case if of_case else target.of_s
    wanted = target.judged or (of_case and target.table == "audit_entries")
    if where is None or not wanted or ("person_id" in where and not seen.client):
        return
    name = f"count {target.table}"
    await _try(connection, seen, name, f"SELECT count(*) FROM {target.table} WHERE {where}", fetch=True)
    if seen.answers[name] not in {0, "42501"}:
        seen.touched.append(name)


async def _write(connection: asyncpg.Connection, seen: Seen, target: Target) -> None:
    record = f"jsonb_populate_record(NULL::{target.table}, $row${target.row}$row$::jsonb)"
    insert = f"INSERT INTO {target.table} SELECT ({record}).*"
    update, delete = f"UPDATE {target.table} SET {target.setting}", f"DELETE FROM {target.table}"
    statements = {
        "insert": insert,
        "upsert": f"{insert} ON CONFLICT DO NOTHING",
        "update": update,
        "update of S": f"{update} WHERE {target.of_s}",
        "update of others": f"{update} WHERE NOT ({target.of_s})",
        "delete": delete,
        "delete of S": f"{delete} WHERE {target.of_s}",
    }
    for command, statement in statements.items():
        name = f"{command} {target.table}"
        if name in OPEN or (seen.client and not target.judged):
            continue
        await _try(connection, seen, name, statement)
        # Whatever is not refused for want of a right, or without effect, has met what is of S.
        if command not in {"update", "update of others", "delete"} and seen.answers[name] not in {
            "42501",
            "UPDATE 0",
            "DELETE 0",
        }:
            seen.touched.append(name)
    whole, others = f"update {target.table}", f"update of others {target.table}"
    if target.judged and whole in seen.answers and seen.answers[whole] != seen.answers[others]:
        # Blindly, without reading a column.
        seen.touched.append(whole)


async def _try(connection: asyncpg.Connection, seen: Seen, name: str, statement: str, *, fetch: bool = False) -> None:
    attempt = connection.transaction()
    await attempt.start()
    try:
        found = await (connection.fetchval(statement) if fetch else connection.execute(statement))
        seen.answers[name] = tuple(found) if isinstance(found, list) else found
    except asyncpg.PostgresError as error:
        seen.answers[name] = error.sqlstate
    finally:
        # Nothing that succeeds stays.
        await attempt.rollback()


def unlike(left: Seen, right: Seen) -> list[str]:
    return [name for name, answer in left.answers.items() if right.answers.get(name) != answer]
