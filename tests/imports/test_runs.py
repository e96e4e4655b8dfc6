"""Runs against each other: keys, races, a fixed number of statements, and dry runs of random mixtures."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.models.identity import Role
from tests.imports.pushing import REGIONS, Row, counts, ndjson, push, receipt, rows_of, timeless
from tests.projects.library import statements
from tests.world import Actor, World


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine(*REGIONS)


async def test_a_key_is_used_once(world: World, machine: Actor, sample: bytes) -> None:
    first = await push(machine, sample, key="night-1")
    again = await push(machine, sample, key="night-1")
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await world.rows("SELECT 1 FROM import_runs")) == 1
    other = await push(machine, sample, "?dry_run=true", key="night-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    alone = await world.machine("152501", scopes=frozenset({"projects:push"}))
    for _ in range(2):
        assert (await push(alone, sample, "?mode=atomic", key="k")).json()["outcome"] == "rejected"


async def test_two_pushes_at_once_make_each_project_once(world: World, machine: Actor, sample: bytes) -> None:
    answers = await asyncio.gather(*(push(machine, sample) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert sorted(str(counts(answer.json())) for answer in answers) == [
        "{'created': 52}",
        "{'unchanged': 52}",
        "{'unchanged': 52}",
    ]
    assert len(await world.rows("SELECT 1 FROM projects")) == 52
    assert len(await world.rows("SELECT 1 FROM organisations WHERE credit_code IS NOT NULL")) == 52


async def test_two_sources_at_once_make_each_entity_once(world: World, sample: bytes) -> None:
    machines = [await world.machine(*REGIONS, source=f"source-{number}") for number in range(3)]
    rows = rows_of(sample)
    for row in rows[::2]:
        del row["investment_entity"]["credit_code"]
    answers = await asyncio.gather(*(push(machine, rows) for machine in machines))
    assert [counts(answer.json()) for answer in answers] == [{"created": 52}] * 3
    assert len(await world.rows("SELECT 1 FROM projects")) == 156
    assert len(await world.rows("SELECT 1 FROM organisations WHERE name NOT LIKE '示例单位%'")) == 52


async def test_the_same_key_at_once_runs_once(world: World, machine: Actor, sample: bytes) -> None:
    answers = await asyncio.gather(*(push(machine, sample, key="one") for _ in range(3)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses[0] == 200
    assert set(statuses) <= {200, 409}
    assert len(await world.rows("SELECT 1 FROM import_runs")) == 1


async def test_a_push_and_an_officer_at_once(world: World, machine: Actor, sample: bytes) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    rows = rows_of(sample)
    told = await receipt(machine, rows)
    path = f"/v1/projects/{told['rows'][0]['id']}"
    etag = (await office.get(path)).headers["etag"]
    rows[0]["name"] = "改名项目（示例）"
    pushed, decided = await asyncio.gather(push(machine, rows), office.post(f"{path}/admit", etag=etag))
    project = (await office.get(path)).json()
    found = (decided.status_code, counts(pushed.json()), project["name"] == rows[0]["name"], project["membership"])
    # Whoever comes second meets what the first left: another version, or a member, which only the office changes.
    assert found in [
        (412, {"updated": 1, "unchanged": 51}, True, "proposed"),
        (200, {"proposed": 1, "unchanged": 51}, False, "in_library"),
    ]


async def test_statements_do_not_grow_with_the_rows(world: World, machine: Actor, sample: bytes) -> None:
    rows = rows_of(sample)

    async def sent_for(part: list[Row], query: str = "") -> int:
        with statements(world) as sent:
            assert (await push(machine, part, query)).json()["rejected"] == 0
        return len(sent)

    for query in ("", "?dry_run=true", "?on_missing=leave"):
        assert await sent_for(rows[:2], query) <= 60
    created = [await sent_for(rows[2:4]), await sent_for(rows[4:])]
    renamed = [{**row, "name": "改名（示例）", "funding": []} for row in rows]
    updated = [await sent_for(renamed[:2]), await sent_for(renamed[2:])]
    unchanged = [await sent_for(renamed[:2]), await sent_for(renamed)]
    assert created[0] == created[1] <= 60
    assert updated[0] == updated[1] < created[0]
    assert unchanged[0] == unchanged[1] < updated[0]


_BAD: dict[str, Any] = {
    "primary_mode": "生态魔法",
    "region_code": "152599",
    "name": "",
    "funding": [{"source": "central", "planned": "1", "done": "-1"}],
    "expected_benefits": {},
    "building_stage": "reserve",
}
_CHANGED: dict[str, Any] = {
    "name": "改名项目（示例）",
    "building_stage": "operation",
    "secondary_modes": ["生态修复"],
    "investment_entity": {"name": "另一单位（示例）", "kind": "enterprise"},
    "funding": [{"source": "自筹", "year": 2026, "planned": "1", "done": "0"}],
}
_edits = st.tuples(
    st.integers(0, 11),
    st.one_of(
        st.none(),
        st.sampled_from([{name: value} for name, value in _BAD.items()]),
        st.sampled_from([{name: value} for name, value in _CHANGED.items()]),
    ),
)
_options = st.builds(
    "?mode={}&strategy={}&on_missing={}".format,
    st.sampled_from(["partial", "atomic"]),
    st.sampled_from(["create", "update", "upsert"]),
    st.sampled_from(["ignore", "leave"]),
)


# One database for all examples: each push builds on what the pushes before it made.
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pushes=st.lists(st.tuples(st.lists(_edits, min_size=1, max_size=8), _options), min_size=1, max_size=4))
async def test_a_dry_run_tells_what_the_run_does(machine: Actor, sample: bytes, pushes: list[Any]) -> None:
    rows = rows_of(sample)
    for edits, query in pushes:
        body = ndjson({**rows[number], **(edit or {})} for number, edit in edits)
        dry = await receipt(machine, body, f"{query}&dry_run=true")
        real = await receipt(machine, body, query)
        assert timeless(dry) == timeless(real)
        if real["rejected"] == 0 and "create" not in query:
            assert counts(await receipt(machine, body, query)) == {"unchanged": len(edits)}
