"""The short form of `make faults`: every victim at least once. And the judge, who must see what is lost or doubled."""

import asyncio
import random
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from app.core.config import Settings
from app.models.identity import Role
from tests.faults import judge
from tests.faults.judge import Book
from tests.faults.library import Library, Options, Receipt, Sent
from tests.faults.pushes import Push, draw, fresh, whole
from tests.faults.rounds import PLAN, play
from tests.faults.stage import SOURCE
from tests.imports.pushing import REGIONS, push
from tests.world import World

ROUNDS = 6


def test_pushes_that_die_have_one_effect(tmp_path: Path) -> None:
    seed = secrets.randbelow(2**31)
    print(f"seed {seed}")
    outcome = asyncio.run(play(ROUNDS, seed, tmp_path, print, short=True))
    print("\n".join(outcome.lines()))
    assert outcome.faults == []
    assert set(outcome.rounds) == {victim for victim, _ in PLAN}
    # Of so few rounds more than half may miss by chance.
    assert outcome.hits.total() >= 2


Judged = tuple[asyncpg.Connection, Book, str, Push, Receipt]


@pytest.fixture
async def judged(world: World, settings: Settings) -> AsyncIterator[Judged]:
    """Two pushes that were done in order, by which the judge finds nothing wrong."""
    machine = await world.machine(*REGIONS, source=SOURCE)
    chance, book = random.Random(20261124), Book(Library())  # noqa: S311
    rows = [Sent(fresh(chance, f"F-{number:05}")) for number in range(0, 60, 2)]
    pushes = [whole(rows, Options()), draw(chance, book.library, "small", Options())]
    owed = []
    for number, one in enumerate(pushes):
        answer = await push(machine, one.body, one.options.query, key=f"key-{number}")
        assert answer.status_code == 200
        owed.append(book.push(one))
        if number == 0:
            office = await world.person(Role.LEAGUE_OFFICE)
            for row in answer.json()["rows"][:3]:
                assert (await office.act(f"/v1/projects/{row['id']}", "admit")).status_code == 200
                book.library.admit(row["external_id"])
    link = await asyncpg.connect(settings.admin_url.replace("+asyncpg", "").rsplit("/", 1)[0] + "/" + _name(settings))
    yield link, book, "key-1", pushes[1], owed[1]
    await link.close()


def _name(settings: Settings) -> str:
    return settings.app_url.rsplit("/", 1)[1]


async def _found(judged: Judged) -> list[str]:
    link, book, key, sent, owed = judged
    found = await judge.receipt_faults(link, key, sent, owed)
    return [*found, *await judge.library_faults(link, book), *await judge.trace_faults(link, book)]


async def test_the_judge_finds_nothing_where_all_is_well(judged: Judged) -> None:
    assert await _found(judged) == []


_RUN = "(SELECT right(location, 36)::uuid FROM idempotency_records WHERE key = 'key-1')"
_ONE = "(SELECT project_id FROM project_external_ids ORDER BY external_id LIMIT 1)"
_COPY = """INSERT INTO {table} SELECT (jsonb_populate_record(t, '{{"id": "00000000-0000-4000-8000-000000000001"}}')).*
    FROM {table} AS t WHERE {where} LIMIT 1"""
SABOTAGE = {
    "a row of the receipt is lost": f"DELETE FROM import_rows WHERE run_id = {_RUN} AND index = 3",
    "the last row of the receipt is lost": f"DELETE FROM import_rows WHERE run_id = {_RUN} AND index = 19",
    "a row is told to be another": f"UPDATE import_rows SET action = 'unchanged' WHERE run_id = {_RUN} "
    "AND action = 'created'",
    "an error is lost": f"UPDATE import_rows SET errors = '[]' WHERE run_id = {_RUN} AND errors <> '[]'",
    "a project is doubled": _COPY.format(table="projects", where="true"),
    "a project is lost": f"DELETE FROM projects WHERE id = {_ONE}",
    "a name is lost": f"DELETE FROM project_external_ids WHERE project_id = {_ONE}",
    "a project was changed twice": f"UPDATE projects SET version = version + 1 WHERE id = {_ONE}",
    "a change is lost": f"UPDATE projects SET name = '原名（示例）' WHERE id = {_ONE}",
    "funding is doubled": _COPY.format(table="project_funding", where="year IS NULL").replace('"}', '", "year": 2031}'),
    "an entry of the history is lost": f"DELETE FROM project_changes WHERE project_id = {_ONE} AND action = 'create'",
    "an entry of the history is doubled": _COPY.format(table="project_changes", where="true"),
    "an audit entry is lost": f"DELETE FROM audit_entries WHERE resource_id = {_ONE}",
    "an event is doubled": _COPY.format(table="outbox_events", where="type = 'projects.create'"),
    "an entity is doubled": _COPY.format(table="organisations", where="name LIKE '示例单位____（示例）'"),
    "the run is doubled": _COPY.format(table="import_runs", where=f"id = {_RUN}"),
    "the key's record is lost": "DELETE FROM idempotency_records WHERE key = 'key-1'",
    "a counter lies": f"UPDATE import_runs SET created = created + 1, unchanged = unchanged - 1 WHERE id = {_RUN}",
    "the body is gone": f"DELETE FROM import_bodies WHERE run_id = {_RUN}",
    "the run is not done": f"UPDATE import_runs SET state = 'queued', outcome = NULL WHERE id = {_RUN}",
    "a job is left": "INSERT INTO jobs (id, kind, key, payload, state, attempts, run_at, asked_at) "
    "VALUES (gen_random_uuid(), 'imports.run', 'x', '{}', 'queued', 0, now(), now())",
}


async def test_the_judge_sees_what_is_lost_or_doubled(judged: Judged) -> None:
    """Each sabotage alone, past every constraint, and taken back."""
    link: Any = judged[0]
    missed = []
    for what, statement in SABOTAGE.items():
        attempt = link.transaction()
        await attempt.start()
        try:
            await link.execute("SET LOCAL session_replication_role = replica")
            done = await link.execute(statement)
            assert not done.endswith(" 0"), what
            if not await _found(judged):
                missed.append(what)
        finally:
            await attempt.rollback()
    assert missed == []
