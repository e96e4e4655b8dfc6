"""How the application and its tables are built: what would be slow, inexact or unnamed is not there."""

import inspect
import re
from uuid import UUID

import asyncpg
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from hypothesis import given
from hypothesis import strategies as st
from starlette.middleware.base import BaseHTTPMiddleware

from app.core.clock import SystemClock, SystemIds, uuid7
from tests.core.walk import operations


def _flatten(dependant: Dependant) -> list[Dependant]:
    return [dependant, *(inner for child in dependant.dependencies for inner in _flatten(child))]


def _is_async(call: object) -> bool:
    function = call if inspect.isfunction(call) or inspect.ismethod(call) else getattr(call, "__call__", call)  # noqa: B004
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def test_nothing_hops_to_a_thread(shared_api: FastAPI) -> None:
    """A sync dependency or handler costs a thread hop each, on every request."""
    for context in iter_route_contexts(shared_api.routes):
        for call in _flatten(context.dependant):
            assert _is_async(call.call), (context.path, call.call)
    assert not [m for m in shared_api.user_middleware if issubclass(m.cls, BaseHTTPMiddleware)]  # type: ignore[arg-type]


def test_every_json_answer_has_a_schema(shared_api: FastAPI) -> None:
    for operation in operations(shared_api):
        for status, answer in operation.spec["responses"].items():
            for media in answer.get("content", {}).values():
                assert media.get("schema"), (operation.name, status)


async def test_columns_are_exact_and_constraints_are_named(owner: asyncpg.Connection) -> None:
    columns = await owner.fetch(
        "SELECT table_name, column_name, data_type, numeric_precision, numeric_scale FROM information_schema.columns "
        "WHERE table_schema = 'public' AND table_name <> 'alembic_version'"
    )
    assert len(columns) > 100
    kinds = {
        "uuid",
        "text",
        "integer",
        "bigint",
        "smallint",
        "boolean",
        "date",
        "timestamp with time zone",
        "numeric",
        "jsonb",
        "bytea",
        "ARRAY",
    }
    for column in columns:
        place = (column["table_name"], column["column_name"], column["data_type"])
        assert column["data_type"] in kinds, place
        if column["data_type"] == "numeric":
            assert column["numeric_precision"] is not None, place
            assert column["numeric_scale"] is not None, place
    assert await owner.fetchval("SELECT count(*) FROM pg_type WHERE typtype = 'e'") == 0
    constraints = await owner.fetch(
        "SELECT conname, conrelid::regclass::text AS table, contype::text FROM pg_constraint AS c "
        "JOIN pg_class AS t ON t.oid = c.conrelid WHERE c.connamespace = 'public'::regnamespace "
        "AND NOT t.relispartition AND contype IN ('p', 'f', 'u', 'c') AND t.relname <> 'alembic_version'"
    )
    prefixes = {"p": "pk", "f": "fk", "u": "uq", "c": "ck"}
    for row in constraints:
        assert re.match(f"{prefixes[row['contype']]}_{row['table']}(_|$)", row["conname"]), tuple(row)


async def test_foreign_keys_that_are_followed_have_an_index(owner: asyncpg.Connection) -> None:
    """A child found by its parent's id must not be searched for."""
    rows = await owner.fetch(
        "SELECT c.conrelid::regclass::text AS child, a.attname AS column FROM pg_constraint AS c "
        "JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1] "
        "WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace "
        "AND a.attname IN ('plan_id', 'project_id', 'run_id', 'task_id', 'person_id', 'client_id') "
        "AND NOT EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = c.conrelid AND i.indkey[0] = a.attnum)"
    )
    # Pushes are found by their run, never by an arrangement's project or a preparer; recusals by their person, and
    # decisions on a pair by the pair.
    unindexed = {tuple(row) for row in rows}
    assert unindexed <= {
        ("plan_arrangements", "project_id"),
        ("plan_preparers", "person_id"),
        ("import_runs", "client_id"),
        ("recusals", "project_id"),
        ("project_match_decisions", "project_id"),
    }


@given(
    st.datetimes(timezones=st.just(SystemClock().now().tzinfo)).filter(lambda t: t.year >= 1971),
    st.integers(0, 2**74 - 1),
)
def test_a_dossiers_id_is_a_uuid_of_version_seven(moment: object, entropy: int) -> None:
    made = uuid7(moment, entropy)  # type: ignore[arg-type]
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(moment.timestamp() * 1000)  # type: ignore[attr-defined]


def test_ids_are_ordered_where_that_tells_nothing_and_random_elsewhere() -> None:
    ids, clock = SystemIds(), SystemClock()
    first, later = ids.dossier(clock.now()), ids.dossier(clock.now().replace(year=2099))
    assert first < later
    assert {ids.random().version for _ in range(10)} == {4}
    assert len({ids.dossier(clock.now()) for _ in range(1000)}) == 1000
    assert isinstance(first, UUID)
