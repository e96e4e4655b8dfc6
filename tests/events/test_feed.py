"""The feed: in order, without gaps for who comes again, and of what the reader may see now."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from fastapi import FastAPI
from httpx import AsyncClient

from app.auth.scopes import CLIENT_SCOPES
from app.core.audit import Resource, record
from app.core.db import PUBLIC, Database
from app.events.feed.rules import FeedType
from app.imports.history.schemas import EXAMPLES, EarlierResultRow, IndicatorValueRow
from app.models.identity import Role
from tests.events.conftest import push, row, subscribe
from tests.world import Actor, World

FEED = "/v1/events"


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine("152501", "152502")


async def everything(
    machine: Actor, query: str = "", *, cursor: str = "", limit: int = 2
) -> tuple[list[dict[str, Any]], str]:
    """All that can be read now, page by page, and the cursor behind it."""
    items: list[dict[str, Any]] = []
    more = True
    while more:
        answer = await machine.get(f"{FEED}?limit={limit}{query}{cursor and '&cursor=' + cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        cursor, more = page["next_cursor"], page["has_more"]
    return items, cursor


async def test_a_push_is_told_thinly(machine: Actor, world: World) -> None:
    told = await push(world, machine, row("A-1"), row("A-2"))
    items, _ = await everything(machine)
    assert sorted(str(item["type"]) for item in items) == [
        "imports.push",
        "organisations.create",
        "projects.create",
        "projects.create",
    ]
    created = [item for item in items if item["type"] == "projects.create"]
    ids = {told_row["id"] for told_row in told["rows"]}
    assert {item["resource"]["id"] for item in created} == ids
    for item in items:
        assert item.keys() == {"id", "type", "occurred_at", "resource", "region_code"}
        shown = await machine.get(item["resource"]["href"])
        assert shown.status_code == 200, item


async def test_refusals(machine: Actor, world: World, http: AsyncClient) -> None:
    assert (await http.get(FEED)).status_code == 401
    officer = await world.person(Role.LEAGUE_OFFICE)
    assert (await officer.get(FEED)).status_code == 403
    narrow = await world.machine("152501", scopes=CLIENT_SCOPES - {"events:read"})
    assert (await narrow.get(FEED)).status_code == 403
    for query in (
        "limit=0",
        "limit=201",
        "type=recusals.start",
        "type=projects",
        "unheard_of=1",
        "cursor=e30",
        "cursor=!",
    ):
        assert (await machine.get(f"{FEED}?{query}")).status_code == 422, query
    assert (await machine.get(f"{FEED}?webhook_id={uuid4()}")).status_code == 404
    other = await world.machine("152501", source="another")
    foreign = await subscribe(other, None)
    assert (await machine.get(f"{FEED}?webhook_id={foreign.id}")).status_code == 404


async def test_a_cursor_is_its_readers_alone_and_says_nothing(machine: Actor, world: World) -> None:
    await push(world, machine, row("A-1"))
    _, cursor = await everything(machine)
    other = await world.machine("152501", source="another")
    assert (await other.get(f"{FEED}?cursor={cursor}")).status_code == 422
    first = (await machine.get(FEED)).json()["next_cursor"]
    assert (await machine.get(f"{FEED}?cursor={cursor[:-4] + 'AAA='}")).status_code == 422
    assert len(first) == len(cursor)
    # What others do leaves it as it was, byte for byte.
    await push(world, other, row("B-1", "152501"), row("B-2", "152501"))
    assert await everything(machine, "&type=projects.create", cursor=cursor) == ([], cursor)


async def test_nothing_is_skipped_when_transactions_commit_in_the_other_order(
    machine: Actor, world: World, api: FastAPI
) -> None:
    """The first to act commits last: its event comes behind, and not into a place that was read already."""
    await push(world, machine, row("A-1"), row("A-2"))
    _, cursor = await everything(machine)
    projects = [r.id for r in await world.rows("SELECT id FROM projects ORDER BY id")]
    database: Database = api.state.database
    written, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> None:
        async with database.transaction(PUBLIC) as session:
            await record(session, "projects.update", _about(projects[0]))
            written.set()
            await go_on.wait()

    slow = asyncio.create_task(slowly())
    await written.wait()
    async with database.transaction(PUBLIC) as session:
        await record(session, "projects.update", _about(projects[1]))
    await world.drain()
    first, cursor = await everything(machine, cursor=cursor)
    go_on.set()
    await slow
    await world.drain()
    second, _ = await everything(machine, cursor=cursor)
    assert [item["resource"]["id"] for item in first] == [str(projects[1])]
    assert [item["resource"]["id"] for item in second] == [str(projects[0])]
    positions = [r.position for r in await world.rows("SELECT position FROM feed_events ORDER BY position")]
    assert positions == list(range(1, len(positions) + 1))


def _about(project: UUID) -> Resource:
    return Resource("project", project, region_code="152501", project_id=project)


async def test_workers_that_hand_out_at_once_leave_no_gap(machine: Actor, world: World) -> None:
    for number in range(3):
        await push(world, machine, row(f"A-{number}"))
    await machine.post("/v1/imports/projects", {"items": [row(f"B-{n}") for n in range(40)]})
    await asyncio.gather(*(world.drain() for _ in range(4)))
    positions = [r.position for r in await world.rows("SELECT position FROM feed_events ORDER BY position")]
    assert positions == list(range(1, len(positions) + 1))
    left = await world.rows("SELECT count(*) AS n FROM outbox_events WHERE delivered_at IS NULL")
    assert left[0].n == 0
    ids = [item["id"] for item in (await everything(machine, limit=7))[0]]
    assert len(ids) == len(set(ids)) == len(positions)


async def test_what_is_done_to_one_resource_is_told_in_its_order(machine: Actor, world: World) -> None:
    """Also where the clock of the second server is behind."""
    told = await push(world, machine, row("A-1"))
    [project] = [r["id"] for r in told["rows"]]
    _, cursor = await everything(machine)
    world.admin.clock.advance(seconds=-12)  # type: ignore[attr-defined]
    await machine.post("/v1/imports/projects", {"items": [row("A-1", name="改名（示例）")]})
    world.admin.clock.advance(seconds=-12)  # type: ignore[attr-defined]
    office, editor = await world.person(Role.LEAGUE_OFFICE), await world.person((Role.REGION_EDITOR, "152501"))
    assert (await office.act(f"/v1/projects/{project}", "admit")).status_code == 200
    assert (await editor.act(f"/v1/projects/{project}", "suspend", {"reason": "资金未到位（示例）"})).status_code == 200
    await world.drain()
    items, _ = await everything(machine, cursor=cursor)
    about = [item["type"] for item in items if item["resource"]["id"] == project]
    assert about == ["projects.update", "projects.admit", "projects.suspend"]


async def test_other_regions_and_other_sources_are_not_seen(world: World) -> None:
    here = await world.machine("152501")
    there = await world.machine("152502", source="province-projects")
    another = await world.machine("152501", source="another")
    await push(world, here, row("A-1"))
    assert (await everything(there))[0] == []
    # The body that invests is of the directory, which every client of the region reads.
    assert [item["type"] for item in (await everything(another))[0]] == ["organisations.create"]
    assert len((await everything(here))[0]) == 3


async def test_what_may_not_be_seen_now_is_left_out_of_what_was_seen(
    machine: Actor, world: World, worker: asyncpg.Connection
) -> None:
    await push(world, machine, row("A-1", "152501"), row("A-2", "152502"))
    assert len((await everything(machine, "&type=projects.create"))[0]) == 2
    await take_region(worker, machine, ["152502"])
    await world.renew(machine)
    left = (await everything(machine, "&type=projects.create"))[0]
    assert [item["region_code"] for item in left] == ["152502"]


async def take_region(worker: asyncpg.Connection, machine: Actor, regions: list[str]) -> None:
    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", machine.id)
        await worker.execute("UPDATE clients SET regions = $2 WHERE id = $1", machine.id, regions)


async def test_a_kind_without_its_scope_is_not_told(world: World) -> None:
    blind = await world.machine("152501", scopes=CLIENT_SCOPES - {"projects:read", "directory:read"})
    await push(world, blind, row("A-1"))
    assert [item["type"] for item in (await everything(blind))[0]] == ["imports.push"]


async def test_a_push_of_earlier_years_is_told_to_its_own_source(world: World) -> None:
    """With the scope of that push alone; the office's entries, which have no source system, are told to nobody."""
    scopes = frozenset({"history:push", "events:read"})
    pusher, stranger = await world.machine("152501", scopes=scopes), await world.machine("152501", source="elsewhere")
    pushes = (
        (pusher, "indicator-values", EXAMPLES[IndicatorValueRow]),
        (await world.person(Role.LEAGUE_OFFICE), "earlier-results", EXAMPLES[EarlierResultRow]),
    )
    for actor, what, sent in pushes:
        assert (await actor.post(f"/v1/imports/{what}", {"items": [sent]})).json()["created"] == 1
    await world.drain()
    [told], _ = await everything(pusher)
    assert told["type"] == "imports.push"
    assert (await pusher.get(told["resource"]["href"])).json()["kind"] == "indicator_values"
    assert (await everything(stranger))[0] == []


async def test_nothing_but_dossiers_is_ever_in_it(world: World, machine: Actor) -> None:
    """Whatever the outbox holds: what is not listed has no row that a policy could fail to hide."""
    await push(world, machine, row("A-1"))
    before = await world.rows("SELECT count(*) AS n FROM feed_events")
    async with world.admin.administration() as session:
        for kind, act in [
            ("recusal", "recusals.start"),
            ("recusal", "recusals.reach"),
            ("project", "recusals.reach"),
            ("panel", "panels.draw"),
            ("assignment", "assignments.accept"),
            ("plan", "plans.return"),
            ("person", "grants.create"),
            ("webhook", "webhooks.create"),
        ]:
            project = await world.rows("SELECT id FROM projects LIMIT 1")
            await record(session, act, Resource(kind, project[0].id, region_code="152501", project_id=project[0].id))
    await world.drain()
    assert await world.rows("SELECT count(*) AS n FROM feed_events") == before
    told = {r.type for r in await world.rows("SELECT DISTINCT type FROM feed_events")}
    assert told <= {kind.value for kind in FeedType}


async def test_requests_of_people_read_no_row_of_it(world: World, machine: Actor, app_role: asyncpg.Connection) -> None:
    await push(world, machine, row("A-1"))
    office = await world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"))
    async with app_role.transaction():
        await app_role.fetch("SELECT gate.enter('person', $1, '{}')", office.id)
        assert await app_role.fetchval("SELECT count(*) FROM projects") == 1
        assert await app_role.fetchval("SELECT count(*) FROM feed_events") == 0
    assert await app_role.fetchval("SELECT count(*) FROM feed_events") == 0


async def test_a_subscription_remembers_how_far_was_read(machine: Actor, world: World) -> None:
    await push(world, machine, row("A-1"))
    kept = await subscribe(machine, None, types=["projects.create"])
    query = f"&webhook_id={kept.id}"
    assert (await everything(machine, query))[0] == []  # it begins with what comes
    await push(world, machine, row("A-2"), row("A-3"))
    items, cursor = await everything(machine, query)
    assert [item["type"] for item in items] == ["projects.create"] * 2
    assert len((await everything(machine, query))[0]) == 2
    path = f"{kept.path}/acknowledge"
    halfway = (await machine.get(f"{FEED}?limit=1{query}")).json()["next_cursor"]
    for acknowledged, left in ((halfway, 1), (cursor, 0), (halfway, 0)):  # never backwards
        answer = await machine.post(path, {"cursor": acknowledged})
        assert (answer.status_code, answer.content) == (204, b"")
        assert len((await everything(machine, query))[0]) == left
    assert (await machine.get(f"{FEED}?type=projects.update{query}")).json()["items"] == []


async def test_refusals_of_acknowledging(machine: Actor, world: World, http: AsyncClient) -> None:
    kept = await subscribe(machine, None)
    path, good = f"{kept.path}/acknowledge", (await machine.get(FEED)).json()["next_cursor"]
    keyed = {"Idempotency-Key": "one"}
    assert (await http.post(path, json={"cursor": good}, headers=keyed)).status_code == 401
    other = await world.machine("152501", source="another")
    assert (await other.post(path, {"cursor": good})).status_code == 404
    narrow = await world.machine("152501", source="narrow", scopes=CLIENT_SCOPES - {"webhooks:write"})
    assert (await narrow.post(path, {"cursor": good})).status_code == 403
    foreign = (await other.get(FEED)).json()["next_cursor"]
    for body in ({}, {"cursor": foreign}, {"cursor": "e30"}, {"cursor": good, "more": 1}):
        assert (await machine.post(path, body)).status_code == 422, body
