"""Draw, repair, settle: who is seated, who never is, and what is left when nobody is."""

import asyncio
import hashlib
from datetime import date
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from app.auth import registry
from app.core.canonical import digest
from app.models.reviews import Panel
from app.worker import Worker
from tests.ground import FrozenClock
from tests.reviews.ceremony import SHARES
from tests.reviews.scene import OTHER, REGION, Scene, done, make_scene, order_recusal
from tests.world import Actor, World

WAITS = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world, pool=5)


async def _draws(scene: Scene, panel: Panel) -> list[Any]:
    return await scene.world.rows("SELECT * FROM draws WHERE panel_id = :p ORDER BY number", p=panel.id)


async def _names(scene: Scene, panel: Panel) -> dict[UUID, str]:
    """Everybody of the frozen list, by the pseudonym of this panel."""
    [kept] = await scene.world.rows("SELECT salt, people FROM draw_secrets WHERE occasion_id = :o", o=panel.occasion_id)
    return {
        person: hashlib.sha256(f"{kept.salt}:{panel.subject_id}:{person}".encode()).hexdigest()
        for person in kept.people
    }


async def _alone_with(scene: Scene, person: Actor, statement: str, **values: Any) -> None:
    """What an administrator does to somebody, under that person's lock."""
    async with scene.world.admin.administration() as session:
        await registry.lock(session, person.id)
        await session.execute(text(statement), {"person": person.id, **values})


async def _decline(expert: Actor, path: str) -> None:
    await done(expert, path, "decline", {"reason": "时间冲突（示例）"})


async def test_a_draw_can_be_repeated_from_its_record(scene: Scene) -> None:
    panel = await scene.drawn(seats=3, quorum=2, reserves=1)
    (made,) = await _draws(scene, panel)
    names = await _names(scene, panel)
    assert made.candidates == sorted(names[expert.id] for expert in scene.experts)
    assert made.candidates_sha256 == digest(made.candidates)
    seed = hashlib.sha256((SHARES["office"] + SHARES["committee"]).encode()).hexdigest()
    key = hashlib.sha256(f"{seed}:{panel.subject_id}".encode()).hexdigest()
    again = sorted(made.candidates, key=lambda name: hashlib.sha256((key + name).encode()).hexdigest())
    members = await scene.seats(panel) + await scene.seats(panel, reserve=True)
    assert [names[member.id] for member, _ in members] == again[:4] == made.drawn
    assert (made.number, made.seated, made.seed) == (1, 3, None)
    rows = await scene.world.rows("SELECT position, state, method FROM assignments ORDER BY position")
    assert [tuple(row) for row in rows] == [(n, "invited", "drawn") for n in (1, 2, 3, 4)]
    audited = await scene.world.rows(
        "SELECT action, actor_kind, changes FROM audit_entries WHERE action LIKE 'panels.%'"
    )
    assert {row.action for row in audited} == {"panels.open", "panels.draw", "panels.advance"}
    # What stands in the audit tells neither who sits nor in what order.
    assert not any(str(expert.id) in str(row.changes) for row in audited for expert in scene.experts)
    told = await scene.world.rows("SELECT resource_id FROM outbox_events WHERE type = 'assignments.invite'")
    assert len(told) == 3


async def test_nobody_has_the_same_name_in_two_panels(scene: Scene) -> None:
    first, second = await scene.drawn(), await scene.drawn(region=OTHER)
    names = [set((await _draws(scene, panel))[0].candidates) for panel in (first, second)]
    assert [len(found) for found in names] == [5, 5]
    assert not names[0] & names[1]


async def test_nobody_ineligible_is_ever_drawn(scene: Scene) -> None:
    """Each rule bars one; the record counts them by rule and names nobody."""
    world = scene.world
    there = await world.organisation(region_code=REGION)
    await world.wall(scene.experts[0], f"region:{REGION}")
    await scene.expert(employed_at=there)
    posted, ended, retired, gone = [await scene.expert() for _ in range(4)]
    await _alone_with(
        scene, posted, "UPDATE employments SET posted_region = :region WHERE person_id = :person", region=REGION
    )
    await _alone_with(scene, ended, "UPDATE employments SET ends_on = '2025-12-31' WHERE person_id = :person")
    await _alone_with(scene, retired, "UPDATE experts SET term_ends_on = '2026-03-01' WHERE person_id = :person")
    await _alone_with(scene, gone, "UPDATE grants SET state = 'ended', ended_at = granted_at WHERE person_id = :person")
    panel = await scene.drawn(seats=9, quorum=2, reserves=9)
    (made,) = await _draws(scene, panel)
    # Whose term was over when the list was frozen is not on it.
    assert made.excluded == {"recused": 1, "employed_there": 2, "unknown_employer": 1, "not_in_pool": 1}
    names = await _names(scene, panel)
    assert retired.id not in names
    eligible = {expert.id for expert in scene.experts[1:]}
    assert set(made.candidates) == {names[person] for person in eligible}
    rows = await world.rows("SELECT person_id FROM assignments")
    assert {row.person_id for row in rows} == eligible
    assert await scene.state(panel) == "reviewing"


async def test_asked_twice_it_is_made_once(scene: Scene) -> None:
    panel = await scene.panel()
    for _ in range(2):
        assert (await scene.office.post(f"/v1/panels/{panel.id}/draw")).status_code == 202
    await scene.drain()
    assert len(await _draws(scene, panel)) == 1
    # Once more, when nothing is open.
    refused = await scene.office.post(f"/v1/panels/{panel.id}/draw")
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_open_seat")
    await scene.drain()
    assert len(await scene.seats(panel)) == 2
    assert len(await _draws(scene, panel)) == 1


async def test_too_few_are_blocked_until_others_are_named(scene: Scene) -> None:
    """Who enters the pool after its list was frozen is not drawn, whoever asks how often: that would choose."""
    panel = await scene.drawn(seats=9, quorum=7, reserves=0)
    assert await scene.state(panel) == "blocked_quorum"
    assert len(await scene.seats(panel)) == 5
    # Asked again in vain, and again once there are more.
    for pool in (0, 2):
        for _ in range(pool):
            scene.experts.append(await scene.expert())
        assert (await scene.office.post(f"/v1/panels/{panel.id}/draw")).status_code == 202
        await scene.drain()
        assert await scene.state(panel) == "blocked_quorum"
    assert [made.number for made in await _draws(scene, panel)] == [1, 2, 3]
    for late in scene.experts[5:]:
        named = {"person_id": str(late.id), "reason": "专业所需（示例）"}
        assert (await scene.office.post(f"/v1/panels/{panel.id}/assign", named)).status_code == 201
    await scene.drain()
    assert await scene.state(panel) == "reviewing"
    assert len(await scene.seats(panel)) == 7


async def test_who_declines_is_replaced_by_the_reserve(scene: Scene) -> None:
    panel = await scene.drawn(seats=2, quorum=2, reserves=2)
    (first, path), _ = await scene.seats(panel)
    (reserve, reserved), (last, last_path) = await scene.seats(panel, reserve=True)
    await _decline(first, path)
    assert (await first.get(path)).json()["state"] == "declined"
    await scene.drain()
    assert (await reserve.get(reserved)).json()["state"] == "invited"
    assert (await last.get(last_path)).status_code == 404
    assert len(await _draws(scene, panel)) == 1
    assert scene.settled.count(panel.subject_id) == 2


async def test_a_reserve_moves_up_only_after_a_check_of_its_own(scene: Scene) -> None:
    panel = await scene.drawn(seats=2, quorum=2, reserves=1)
    (first, path), _ = await scene.seats(panel)
    ((reserve, reserved),) = await scene.seats(panel, reserve=True)
    await _alone_with(
        scene, reserve, "UPDATE employments SET posted_region = :region WHERE person_id = :person", region=REGION
    )
    await _decline(first, path)
    await scene.drain()
    # Posted to the region, the reserve is recused in that very moment: the old token is over.
    assert (await reserve.get(reserved)).status_code == 401
    await scene.world.renew(reserve)
    assert (await reserve.get(reserved)).status_code == 404
    # One more was drawn instead, among who had no part in this panel.
    assert len(await _draws(scene, panel)) == 2
    rows = await scene.world.rows("SELECT state, is_reserve FROM assignments")
    assert sorted(row.state for row in rows if not row.is_reserve) == ["declined", "invited", "invited"]
    assert [row.state for row in rows if row.is_reserve] == ["suspended"]


async def test_without_anybody_left_the_quorum_is_lost(world: World) -> None:
    scene = await make_scene(world, pool=2)
    panel = await scene.drawn(seats=2, quorum=2, reserves=0)
    (first, path), (second, other) = await scene.seats(panel)
    await scene.submitted(first, path)
    await scene.submitted(second, other)
    await scene.drain()
    assert await scene.state(panel) == "complete"
    await order_recusal(scene, scene.office, first)
    await scene.drain()
    assert await scene.state(panel) == "blocked_quorum"
    assert scene.settled[-1] == panel.subject_id


async def test_a_panel_with_a_quorum_left_goes_on(world: World) -> None:
    scene = await make_scene(world, pool=3)
    panel = await scene.drawn(seats=3, quorum=2, reserves=0)
    seats = await scene.seats(panel)
    for expert, path in seats:
        await scene.submitted(expert, path)
    await order_recusal(scene, scene.office, seats[0][0])
    await scene.drain()
    assert await scene.state(panel) == "complete"


async def test_a_decline_before_the_draw_draws_nobody(scene: Scene) -> None:
    panel = await scene.panel(seats=2, quorum=1)
    named = await scene.office.post(
        f"/v1/panels/{panel.id}/assign", {"person_id": str(scene.experts[0].id), "reason": "专业所需（示例）"}
    )
    await _decline(scene.experts[0], named.headers["location"])
    await scene.drain()
    assert await scene.state(panel) == "forming"
    assert await _draws(scene, panel) == []


async def test_named_and_drawn_sit_together(scene: Scene) -> None:
    panel = await scene.panel(seats=3, quorum=2, reserves=0)
    await scene.office.post(
        f"/v1/panels/{panel.id}/assign", {"person_id": str(scene.experts[0].id), "reason": "专业所需（示例）"}
    )
    await scene.drain()
    assert await scene.state(panel) == "forming"
    assert (await scene.office.post(f"/v1/panels/{panel.id}/draw")).status_code == 202
    await scene.drain()
    rows = await scene.world.rows("SELECT person_id, method FROM assignments ORDER BY position")
    assert [row.method for row in rows] == ["named", "drawn", "drawn"]
    assert rows[0].person_id == scene.experts[0].id
    (made,) = await _draws(scene, panel)
    assert (await _names(scene, panel))[scene.experts[0].id] not in made.candidates
    assert len(made.candidates) == 4


async def test_all_named_it_reviews_without_a_draw(scene: Scene) -> None:
    panel = await scene.panel(seats=1, quorum=1, reserves=0)
    await scene.office.post(
        f"/v1/panels/{panel.id}/assign", {"person_id": str(scene.experts[0].id), "reason": "专业所需（示例）"}
    )
    await scene.drain()
    assert await scene.state(panel) == "reviewing"


async def test_workers_side_by_side_seat_everybody_once(scene: Scene) -> None:
    """Several panels over one pool, drawn, declined and repaired by four workers at a time."""
    panels = [await scene.panel(region=region, seats=2, quorum=1, reserves=1) for region in (REGION, OTHER, "152522")]
    for panel in panels:
        assert (await scene.office.post(f"/v1/panels/{panel.id}/draw")).status_code == 202
    await asyncio.gather(*(scene.drain() for _ in range(4)))
    for panel in panels:
        (first, path), _ = await scene.seats(panel)
        await _decline(first, path)
    await asyncio.gather(*(scene.drain() for _ in range(4)))
    for panel in panels:
        live = await scene.world.rows(
            "SELECT id FROM assignments WHERE panel_id = :p AND NOT is_reserve AND state = 'invited'", p=panel.id
        )
        assert len(live) == 2
    assert await scene.world.rows("SELECT id FROM jobs WHERE state <> 'done'") == []


async def test_what_changes_while_the_locks_are_waited_for_is_seen_under_them(
    world: World, worker: asyncpg.Connection, clock: FrozenClock
) -> None:
    """The draw had found the only expert eligible; before it could lock them, they were posted to the region."""
    scene = await make_scene(world, pool=1)
    panel = await scene.panel(seats=1, quorum=1, reserves=0)
    assert (await scene.office.post(f"/v1/panels/{panel.id}/draw")).status_code == 202
    drawing = Worker(world.admin, scene.handlers())
    async with worker.transaction():
        await worker.execute("SELECT pg_advisory_xact_lock(gate.lock_key($1))", scene.experts[0].id)
        waiting = asyncio.create_task(drawing.drain())
        while not await worker.fetchval(WAITS):  # noqa: ASYNC110 - what is waited for is another connection's lock
            await asyncio.sleep(0.01)
        await worker.execute("UPDATE employments SET posted_region = $1", REGION)
    await waiting
    (job,) = await world.rows("SELECT state, last_error FROM jobs WHERE kind = 'reviews.draw'")
    assert tuple(job) == ("queued", "OvertakenError")
    assert await scene.seats(panel) == []
    clock.advance(minutes=1)
    await drawing.drain()
    assert await scene.seats(panel) == []
    assert await scene.state(panel) == "blocked_quorum"


async def test_a_term_that_ends_today_still_counts(scene: Scene) -> None:
    for expert in scene.experts:
        await _alone_with(
            scene, expert, "UPDATE experts SET term_ends_on = :day WHERE person_id = :person", day=date(2026, 3, 2)
        )
    panel = await scene.drawn(seats=5, quorum=5, reserves=0)
    assert await scene.state(panel) == "reviewing"
