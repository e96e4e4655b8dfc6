"""The DDL of the wall, as the migrations write it.

Landed migrations call these functions, so a function that a migration uses is frozen with it: a new
behaviour gets a new function, never another meaning of an old one.

The pattern (roles `owner`, `app`, `engine`, `worker`, none superuser or BYPASSRLS): every table has its
policies forced; `engine` passes by one policy; `app` has exactly one permissive policy per command it may
use (a second one would widen the first), and RESTRICTIVE walls beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

OWNER = "liangshan_owner"
APP = "liangshan_app"
ENGINE = "liangshan_engine"
WORKER = "liangshan_worker"

# The hashed, fail-closed form: `<> ALL (array)` is searched linearly and true for an unset session.
_WALLED = "(SELECT unnest(gate.walls()))"


def not_walled(kind: str, column: str, *, nullable: bool = False) -> str:
    """The conjunct for one subject column. A null column is not walled (`NULL NOT IN` would hide the row)."""
    key = f"('{kind}:' || {column})" if column.endswith("code") else f"('{kind}:' || {column}::text)"
    clause = f"{key} NOT IN {_WALLED}"
    return f"({column} IS NULL OR {clause})" if nullable else f"({clause})"


def within(column: str, source: str, array_type: str = "text") -> str:
    """`column` is in a list of the session's context, evaluated once per query."""
    return f"{column} = ANY ((SELECT gate.{source}())::{array_type}[])"


def holds(*roles: str) -> str:
    return f"(SELECT gate.has_role('{{{','.join(roles)}}}'))"


@dataclass(frozen=True, slots=True)
class Wall:
    """A RESTRICTIVE policy for one command, beside the permissive one."""

    command: str
    clause: str


def walls_on(commands: Sequence[str], clause: str) -> list[Wall]:
    return [Wall(command, clause) for command in commands]


def protect(
    table: str,
    *,
    select: str | None = None,
    insert: str | None = None,
    update: str | None = None,
    delete: str | None = None,
    walls: Sequence[Wall] = (),
) -> list[str]:
    """Statements that force row-level security on `table`, let the engine through and grant `app` its part.

    A command without a clause is neither granted nor given a policy: default deny.
    """
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ENGINE}",
        f"CREATE POLICY engine_all ON {table} TO {ENGINE} USING (true) WITH CHECK (true)",
    ]
    permissive = {"select": select, "insert": insert, "update": update, "delete": delete}
    for command, clause in permissive.items():
        if clause is None:
            continue
        statements.append(f"GRANT {command.upper()} ON {table} TO {APP}")
        statements.append(
            f"CREATE POLICY app_{command} ON {table} FOR {command.upper()} TO {APP} {_body(command, clause)}"
        )
    for wall in walls:
        statements.append(
            f"CREATE POLICY wall_{wall.command} ON {table} AS RESTRICTIVE FOR {wall.command.upper()} "
            f"TO {APP} {_body(wall.command, wall.clause)}"
        )
    return statements


def _body(command: str, clause: str) -> str:
    match command:
        case "select" | "delete":
            return f"USING ({clause})"
        case "insert":
            return f"WITH CHECK ({clause})"
        case _:
            return f"USING ({clause}) WITH CHECK ({clause})"


def engine_function(signature: str, body: str, *, callers: Sequence[str] = (APP,)) -> list[str]:
    """A SECURITY DEFINER function of schema `gate`, owned by the engine, executable one role at a time."""
    name = signature.split(" RETURNS ", maxsplit=1)[0]
    identity = _identity(name)
    statements = [
        (
            f"CREATE FUNCTION gate.{signature} LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = pg_catalog, public, pg_temp AS $gate$\n{body}\n$gate$"
        ),
        f"ALTER FUNCTION gate.{identity} OWNER TO {ENGINE}",
        f"REVOKE ALL ON FUNCTION gate.{identity} FROM PUBLIC",
    ]
    statements += [f"GRANT EXECUTE ON FUNCTION gate.{identity} TO {role}" for role in callers]
    return statements


def engine_function_again(signature: str, body: str) -> str:
    """Another body for an engine's function that stands: owner and rights stay as they are."""
    return (
        f"CREATE OR REPLACE FUNCTION gate.{signature} LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, public, pg_temp AS $gate$\n{body}\n$gate$"
    )


def _identity(name: str) -> str:
    """`f(a text, b uuid)` → `f(text, uuid)`, which is how ALTER FUNCTION names it."""
    function, _, arguments = name.partition("(")
    types = [argument.strip().split(" ", 1)[1] for argument in arguments.rstrip(")").split(",") if argument.strip()]
    return f"{function}({', '.join(types)})"
