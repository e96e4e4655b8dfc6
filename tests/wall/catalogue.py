"""Reads the live catalogue and names every way in which it falls short of the wall's rules: default deny."""

from dataclasses import dataclass

import asyncpg
from sqlalchemy import MetaData

from app.models import metadata
from app.models.base import Subject, TableClass
from app.models.ddl import APP, ENGINE, OWNER, WORKER

# Tables without a class, each with its reason. Partitions are the parent's: see `partitions`.
ALLOWED = {"alembic_version": "the migrations' own: a revision's name and nothing of ours"}
# What the requests' role holds no right on at all: it is reached through gate functions, or through nothing.
SECRET = frozenset(
    {
        *("credentials", "client_secrets", "refresh_tokens", "signing_keys", "walls", "draw_secrets"),
        *("rate_limits", *ALLOWED),
    }
)
# Acts over a set, which whoever holds the scope may trigger, a recused officer too.
MECHANICAL = {("reporting_task_regions", "INSERT"): "a task is issued to all its regions by one act"}
# Conflict rows that speak of nobody's subject: a person's own, and the policy says whose.
PERSONAL = {
    "commitments": "signed for a year, about no subject",
    "declarations": "the person's alone; what follows from them are recusals",
    "recusal_notices": "what the walled person is told of the own wall",
}
# Exactly one of their subjects is set, so there is no parent's region to repeat.
ONE_SUBJECT = {"recusals", "recusal_decisions", "superior_decisions"}
COMMANDS = {"r": "SELECT", "a": "INSERT", "w": "UPDATE", "d": "DELETE"}

TABLES = """
SELECT c.oid, c.relname AS name, c.relkind::text AS kind, c.relrowsecurity AS enabled,
       c.relforcerowsecurity AS forced, c.relispartition AS partition, r.rolname AS owner,
       coalesce(array_to_string(c.reloptions, ','), '') AS options
FROM pg_class AS c JOIN pg_roles AS r ON r.oid = c.relowner
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = c.oid AND d.deptype = 'e')
ORDER BY 2
"""
POLICIES = """
SELECT c.relname AS table, p.polname AS name, p.polcmd::text AS command, p.polpermissive AS permissive,
       CASE WHEN p.polroles = '{0}' THEN '{public}'::text[]
            ELSE ARRAY(SELECT rolname::text FROM pg_roles WHERE oid = ANY (p.polroles)) END AS roles,
       coalesce(pg_get_expr(p.polqual, p.polrelid), '') AS reads,
       coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') AS writes
FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
"""
GRANTS = """
SELECT c.relname AS table, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END AS role,
       a.privilege_type AS privilege
FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS a WHERE c.relnamespace = 'public'::regnamespace
UNION
SELECT c.relname, CASE a.grantee WHEN 0 THEN 'public' ELSE a.grantee::regrole::text END,
       a.privilege_type || ' of a column'
FROM pg_attribute AS t JOIN pg_class AS c ON c.oid = t.attrelid CROSS JOIN LATERAL aclexplode(t.attacl) AS a
WHERE c.relnamespace = 'public'::regnamespace
"""
FOREIGN_KEYS = """
SELECT conname AS name, conrelid::regclass::text AS child, confrelid::regclass::text AS parent,
       confdeltype::text AS on_delete, confupdtype::text AS on_update,
       ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) AS columns
FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conparentid = 0
"""


@dataclass(frozen=True, slots=True)
class Declared:
    table_class: TableClass
    subjects: tuple[Subject, ...]


def declarations(*more: MetaData) -> dict[str, Declared]:
    return {
        table.name: Declared(table.info["class"], table.info["subjects"])
        for source in (metadata, *more)
        for table in source.sorted_tables
        if "class" in table.info
    }


async def faults(connection: asyncpg.Connection, declared: dict[str, Declared]) -> list[str]:
    """Everything that is wrong with tables, policies, grants and foreign keys; empty when nothing is."""
    tables = await connection.fetch(TABLES)
    policies = await connection.fetch(POLICIES)
    grants = await connection.fetch(GRANTS)
    found = _of_tables(tables, declared)
    for name, table in declared.items():
        own = [policy for policy in policies if policy["table"] == name]
        held = {g["privilege"] for g in grants if g["table"] == name and g["role"] == APP}
        found += _of_policies(name, table, own, held)
    found += _of_grants(tables, grants)
    found += _of_foreign_keys(await connection.fetch(FOREIGN_KEYS), declared)
    return found


def _of_tables(tables: list[asyncpg.Record], declared: dict[str, Declared]) -> list[str]:
    found = [f"{name} is declared and missing" for name in declared.keys() - {t["name"] for t in tables}]
    for table in tables:
        name = table["name"]
        match table["kind"]:
            case "m" | "f":
                found.append(f"{name}: a copy that no policy guards")
            case "v":
                if "security_invoker=true" not in table["options"] and "security_invoker=on" not in table["options"]:
                    found.append(f"{name}: a view with its owner's eyes")
            case _:
                if name not in declared and name not in ALLOWED and not table["partition"]:
                    found.append(f"{name} declares no class")
                if name not in ALLOWED and not (table["enabled"] and table["forced"]):
                    found.append(f"{name}: policies are not forced")
        if table["owner"] != OWNER:
            found.append(f"{name} belongs to {table['owner']}")
    return found


def _of_policies(name: str, declared: Declared, own: list[asyncpg.Record], held: set[str]) -> list[str]:
    found = []
    engine = [p for p in own if p["roles"] == [ENGINE]]
    if [(p["command"], p["permissive"], p["reads"], p["writes"]) for p in engine] != [("*", True, "true", "true")]:
        found.append(f"{name}: the engine does not pass by one policy")
    for policy in own:
        if policy["roles"] not in ([ENGINE], [APP]):
            found.append(f"{name}.{policy['name']} is for {policy['roles']}")
    doors = [p for p in own if p["permissive"] and APP in p["roles"]]
    for command, words in COMMANDS.items():
        allowing = [p for p in doors if p["command"] in {command, "*"}]
        if len(allowing) > 1:
            found.append(f"{name}: {len(allowing)} permissive policies for {words} widen one another")
        if bool(allowing) != (words in held):
            found.append(f"{name}: {words} is granted without a policy, or the other way round")
        if (
            words in held
            and (name, words) not in MECHANICAL
            and name not in PERSONAL
            and _walls_are_needed(declared.table_class, words)
        ):
            found += _unwalled(name, declared, words, [p for p in own if p["command"] in {command, "*"}])
    return found


def _walls_are_needed(table_class: TableClass, command: str) -> bool:
    """Judgement and conflict are neither seen nor written; an act on the rest is a row in a proceeding table."""
    if table_class in {TableClass.JUDGEMENT, TableClass.CONFLICT}:
        return True
    return table_class is TableClass.PROCEEDING and command != "SELECT"


def _unwalled(name: str, declared: Declared, command: str, policies: list[asyncpg.Record]) -> list[str]:
    walls = [p for p in policies if not p["permissive"] and p["roles"] == [APP]]
    found = [] if declared.subjects else [f"{name} names no subject"]
    for subject in declared.subjects:
        sides = {"SELECT": ["reads"], "DELETE": ["reads"], "INSERT": ["writes"]}.get(command, ["reads", "writes"])
        needle = f"'{subject.kind}:' || {subject.column} "
        for side in sides:
            # A policy for writing without a check of its own is checked by what it reads.
            if not any(_walled_by(p[side] or p["reads"], needle) for p in walls):
                found.append(f"{name}: {command} is not walled by {subject.column}")
    return found


def _walled_by(expression: str, needle: str) -> bool:
    bare = expression.replace("::text", "").replace("(", "").replace(")", " ")
    return needle in bare and "NOT" in expression and "unnest(gate.walls())" in expression


def _of_grants(tables: list[asyncpg.Record], grants: list[asyncpg.Record]) -> list[str]:
    partitions = {table["name"] for table in tables if table["partition"]}
    found = []
    for grant in grants:
        table, role, privilege = grant["table"], grant["role"], grant["privilege"]
        told = f"{role} holds {privilege} on {table}"
        if (
            role in {"public", WORKER}
            or (role == APP and (privilege not in COMMANDS.values() or table in SECRET | partitions))
            or (role == ENGINE and (privilege not in COMMANDS.values() or table in partitions))
        ):
            found.append(told)
    return found


def _of_foreign_keys(keys: list[asyncpg.Record], declared: dict[str, Declared]) -> list[str]:
    found = [
        f"{key['child']}.{key['name']} cascades"
        for key in keys
        if key["on_delete"] not in {"a", "r"} or key["on_update"] not in {"a", "r"}
    ]
    for name, table in declared.items():
        if name in ONE_SUBJECT:
            continue
        shared = {s.column for s in table.subjects}
        parents = [
            key
            for key in keys
            if key["child"] == name
            and key["parent"] != name
            and any(s.column == "region_code" for s in declared[key["parent"]].subjects)
            and declared[key["parent"]].table_class is not TableClass.REFERENCE
        ]
        if "region_code" in shared and parents and not any("region_code" in key["columns"] for key in parents):
            found.append(f"{name} repeats its parent's subject without a composite key")
    return found
