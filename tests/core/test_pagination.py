"""Keyset pages: every row exactly once, whatever happens in between; cursors are bound to list, filter and viewer."""

import base64
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.models.identity import Role
from tests.world import Actor, World

ORGANISATIONS = "/v1/organisations"
INSERT = (
    "INSERT INTO organisations (id, name, kind, no_code_reason, region_code, charge_modes, version, created_at, "
    "updated_at) SELECT gen_random_uuid(), n, 'enterprise', '示例', '152501', '{}', 1, now(), now() "
    "FROM unnest($1::text[]) AS n"
)
# Names that sort oddly, repeat, and are as long as a name may be.
names = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=200)
    | st.sampled_from(["同名", "a", "A", "ä", "é", '"', "\\", "%", "中" * 200, "𠀀" * 200, "'"]),
    max_size=14,
)


@pytest.fixture
async def office(world: World) -> Actor:
    return await world.person(Role.LEAGUE_OFFICE)


async def _walk(office: Actor, limit: int, **filters: object) -> AsyncIterator[dict[str, object]]:
    cursor = None
    while True:
        params = {"limit": limit, **filters} | ({"cursor": cursor} if cursor else {})
        answer = await office.get(ORGANISATIONS, params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        for item in page["items"]:
            yield item
        cursor = page["next_cursor"]
        assert (cursor is not None) == ("link" in answer.headers)
        if cursor is None:
            return
        assert len(page["items"]) == limit


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=names, limit=st.integers(1, 5))
async def test_every_row_exactly_once(office: Actor, worker: asyncpg.Connection, rows: list[str], limit: int) -> None:
    await worker.execute("DELETE FROM organisations")
    await worker.execute(INSERT, rows)
    walked = [str(item["id"]) async for item in _walk(office, limit)]
    there = await worker.fetch("SELECT id FROM organisations ORDER BY name, id")
    assert walked == [str(row["id"]) for row in there]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=names.filter(lambda found: len(found) > 2), limit=st.integers(1, 3), more=names)
async def test_rows_that_come_in_between_move_no_other(
    office: Actor, worker: asyncpg.Connection, rows: list[str], limit: int, more: list[str]
) -> None:
    await worker.execute("DELETE FROM organisations")
    await worker.execute(INSERT, rows)
    before = {str(row["id"]) for row in await worker.fetch("SELECT id FROM organisations")}
    walked = []
    async for item in _walk(office, limit):
        walked.append(str(item["id"]))
        if more:
            await worker.execute(INSERT, [more.pop()])
    assert len(walked) == len(set(walked))
    assert before <= set(walked)


async def test_total_counts_what_matches_and_only_when_asked(office: Actor, worker: asyncpg.Connection) -> None:
    await worker.execute(INSERT, [f"示例{n}" for n in range(7)])
    assert (await office.get(ORGANISATIONS, params={"limit": 3})).json()["total"] is None
    page = await office.get(ORGANISATIONS, params={"limit": 3, "include_total": "true"})
    assert (page.json()["total"], len(page.json()["items"])) == (7, 3)
    other = await office.get(ORGANISATIONS, params={"region_code": "152502", "include_total": "true"})
    assert (other.json()["total"], other.json()["items"]) == (0, [])


async def test_the_link_is_the_next_page(office: Actor, worker: asyncpg.Connection) -> None:
    await worker.execute(INSERT, [f"示例{n}" for n in range(4)])
    first = await office.get(ORGANISATIONS, params={"limit": 3, "region_code": "152501"})
    target, _, relation = first.headers["link"].partition(">; ")
    assert relation == 'rel="next"'
    query = parse_qs(urlsplit(target.removeprefix("<")).query)
    assert query["region_code"] == ["152501"]
    assert query["cursor"] == [first.json()["next_cursor"]]
    second = await office.get(target.removeprefix("<"))
    assert len(second.json()["items"]) == 1
    assert second.json()["next_cursor"] is None


async def _cursor(office: Actor, worker: asyncpg.Connection) -> str:
    await worker.execute(INSERT, [f"示例{n}" for n in range(4)])
    return str((await office.get(ORGANISATIONS, params={"limit": 2})).json()["next_cursor"])


def _refused(answer: object) -> None:
    assert answer.status_code == 422, answer.text  # type: ignore[attr-defined]
    [error] = answer.json()["errors"]  # type: ignore[attr-defined]
    assert (error["pointer"], error["code"]) in {("?cursor", "invalid_cursor"), ("?cursor", "too_long")}


async def test_a_cursor_is_for_its_list_its_filters_and_its_viewer(
    world: World, office: Actor, worker: asyncpg.Connection
) -> None:
    cursor = await _cursor(office, worker)
    assert (await office.get(ORGANISATIONS, params={"cursor": cursor})).status_code == 200
    # Another page size and a count are the same list.
    assert (
        await office.get(ORGANISATIONS, params={"cursor": cursor, "limit": 1, "include_total": "true"})
    ).status_code == 200
    _refused(await office.get(ORGANISATIONS, params={"cursor": cursor, "region_code": "152501"}))
    _refused(await office.get("/v1/regions", params={"cursor": cursor}))
    colleague = await world.person(Role.LEAGUE_OFFICE)
    _refused(await colleague.get(ORGANISATIONS, params={"cursor": cursor}))


async def test_a_cursor_cannot_be_written_or_changed(office: Actor, worker: asyncpg.Connection) -> None:
    cursor = await _cursor(office, worker)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    forged = raw[:16] + json.dumps(["", str(uuid4())]).encode()
    other_bits = cursor[:-1] + chr(ord(cursor[-1]) ^ 1)
    for value in (
        base64.urlsafe_b64encode(forged).decode().rstrip("="),
        base64.urlsafe_b64encode(bytes([raw[0] ^ 1]) + raw[1:]).decode().rstrip("="),
        other_bits,
        cursor + "=",
        cursor + "A",
        cursor[:-4],
        " " + cursor,
        "",
        "A",
        "nonsense",
        "中文",
        "x" * 3000,
    ):
        _refused(await office.get(ORGANISATIONS, params={"cursor": value}))


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "x", "", "9" * 5000])
async def test_limits(office: Actor, limit: str) -> None:
    answer = await office.get(ORGANISATIONS, params={"limit": limit})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "?limit"
