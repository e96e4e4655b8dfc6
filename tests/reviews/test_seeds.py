"""The ceremony of the seed: two people commit, the list is frozen, both open, and only then anybody is drawn."""

import asyncio
import hashlib
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from httpx import AsyncClient, Response

from app.models.identity import Role
from app.models.reviews import SubjectOfReview
from tests.cases.scene import ROUND
from tests.reviews.ceremony import SHARES, commit, open_share
from tests.reviews.scene import REGION, Scene, make_scene
from tests.world import Actor, World

KINDS = ("evaluation-cycles", "case-rounds")


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world, pool=3)


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest, scene: Scene) -> str:
    """A cycle, and a round."""
    body: dict[str, Any] = ROUND
    if request.param == "evaluation-cycles":
        [scheme] = (await scene.office.get("/v1/evaluation-schemes")).json()["items"]
        body = {"assessment_year": 2025, "scheme_id": scheme["id"], "due_on": "2026-04-30"}
    made = await scene.office.post(f"/v1/{request.param}", body)
    assert made.status_code == 201, made.text
    return str(made.headers["location"])


@pytest.fixture
async def committee(world: World) -> Actor:
    return await world.person(Role.LEAGUE_COMMITTEE)


def committing(party: str) -> dict[str, str]:
    return {"party": party, "commitment": hashlib.sha256(SHARES[party].encode()).hexdigest()}


def opening(party: str) -> dict[str, str]:
    return {"party": party, "share": SHARES[party]}


async def shown(actor: Actor, place: str) -> dict[str, Any]:
    answer = await actor.get(f"{place}/draw-seed")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: Response, status: int, code: str, reason: str | None = None) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json().get("reason") == reason


def reasons(seed: dict[str, Any]) -> dict[str, str | None]:
    return {action["action"]: action["reason"] for action in seed["allowed_actions"]}


async def test_the_whole_ceremony(scene: Scene, committee: Actor, place: str) -> None:
    empty = await shown(committee, place)
    assert (empty["state"], empty["version"], empty["office"]["commitment"]) == ("committing", 0, None)
    assert reasons(empty) == {"commit": None, "open": "commitments_missing"}
    await commit(scene.office, place, "office")
    half = await shown(committee, place)
    assert half["office"]["commitment"] == committing("office")["commitment"]
    assert half["office"]["committed_by"] == str(scene.office.id)
    assert (half["candidates_sha256"], half["frozen_at"]) == (None, None)
    await commit(committee, place, "committee")
    frozen = await shown(scene.office, place)
    assert frozen["state"] == "committed"
    [kept] = await scene.world.rows("SELECT * FROM draw_secrets")
    assert set(kept.people) == {expert.id for expert in scene.experts}
    listed = sorted(hashlib.sha256(f"{kept.salt}:{person}".encode()).hexdigest() for person in kept.people)
    canonical = "[" + ",".join(f'"{name}"' for name in listed) + "]"
    assert frozen["candidates_sha256"] == hashlib.sha256(canonical.encode()).hexdigest()
    await open_share(committee, place, "committee")
    assert (await shown(scene.office, place))["state"] == "opening"
    await open_share(scene.office, place, "office")
    whole = await shown(scene.office, place)
    assert (whole["state"], whole["version"]) == ("open", 4)
    assert whole["candidates_sha256"] == frozen["candidates_sha256"]
    assert reasons(whole) == {"commit": "share_open", "open": "wrong_state"}
    traced = await scene.world.rows(
        "SELECT action, actor_id, changes::text AS changes FROM audit_entries WHERE action LIKE 'draw_seeds.%'"
    )
    assert sorted((row.action, row.actor_id) for row in traced) == sorted(
        (f"draw_seeds.{act}", actor.id) for act in ("commit", "open") for actor in (scene.office, committee)
    )
    events = await scene.world.rows("SELECT type FROM outbox_events WHERE type LIKE 'draw_seeds.%'")
    assert len(events) == 4
    # Of a share only the hash is anywhere but in its own table.
    assert not any(share in row.changes for row in traced for share in SHARES.values())


async def test_five_answers(scene: Scene, committee: Actor, place: str, http: AsyncClient) -> None:
    seed = f"{place}/draw-seed"
    absent = f"{place.rsplit('/', 1)[0]}/{uuid4()}/draw-seed"
    strangers = [
        await scene.world.person(Role.DISCIPLINE_INSPECTOR),
        await scene.world.person((Role.REGION_EDITOR, REGION)),
        scene.experts[0],
        await scene.world.machine(REGION),
    ]
    asks: list[tuple[str, dict[str, str] | None]] = [(seed, None)]
    asks += [(f"{seed}/commit", committing("office")), (f"{seed}/open", opening("office"))]
    for path, body in asks:
        asked = http.get(path) if body is None else http.post(path, json=body, headers={"Idempotency-Key": "a"})
        assert (await asked).status_code == 401
        for stranger in strangers:
            answer = await (stranger.get(path) if body is None else stranger.post(path, body))
            refused(answer, 403, "insufficient_scope", "scope_missing")
        gone = path.replace(seed, absent)
        answer = await (
            committee.get(gone) if body is None else committee.post(gone, body, etag='"0.0123456789abcdef"')
        )
        refused(answer, 404, "not_found")
    assert (await http.get(f"{place}/draw-record")).status_code == 401
    refused(await scene.office.get(f"{place}/draw-record"), 404, "not_found")
    refused(await strangers[1].get(f"{place}/draw-record"), 404, "not_found")
    refused(await scene.office.post(f"{seed}/commit", committing("office")), 428, "precondition_required")
    stale = await scene.office.post(f"{seed}/commit", committing("office"), etag='"1.0123456789abcdef"')
    refused(stale, 412, "precondition_failed")
    for wrong in ({}, {"party": "office", "commitment": "x"}, {**committing("office"), "more": 1}):
        refused(await scene.office.act(seed, "commit", wrong), 422, "validation_failed")
    # Nobody gives the share of a party they are not.
    refused(await scene.office.act(seed, "commit", committing("committee")), 403, "forbidden", "outside_grant")
    refused(await committee.act(seed, "commit", committing("office")), 403, "forbidden", "outside_grant")
    assert (await shown(committee, place))["version"] == 0


async def test_nothing_is_opened_before_both_have_committed(scene: Scene, committee: Actor, place: str) -> None:
    await commit(scene.office, place, "office")
    for actor, party in ((scene.office, "office"), (committee, "committee")):
        answer = await actor.act(f"{place}/draw-seed", "open", opening(party))
        refused(answer, 409, "state_conflict", "commitments_missing")


async def test_nothing_is_committed_after_a_share_is_open(scene: Scene, committee: Actor, place: str) -> None:
    await commit(scene.office, place, "office")
    await commit(committee, place, "committee")
    # Until then a lost share is made good, and the list with it.
    newcomer = await scene.expert()
    before = (await shown(committee, place))["candidates_sha256"]
    await commit(committee, place, "committee")
    assert (await shown(committee, place))["candidates_sha256"] != before
    [kept] = await scene.world.rows("SELECT people FROM draw_secrets")
    assert newcomer.id in kept.people
    await open_share(scene.office, place, "office")
    for actor, party in ((scene.office, "office"), (committee, "committee")):
        answer = await actor.act(f"{place}/draw-seed", "commit", committing(party))
        refused(answer, 409, "state_conflict", "share_open")
    refused(
        await scene.office.act(f"{place}/draw-seed", "open", opening("office")), 409, "state_conflict", "wrong_state"
    )


async def test_a_wrong_share_loses_nothing(scene: Scene, committee: Actor, place: str) -> None:
    await commit(scene.office, place, "office")
    await commit(committee, place, "committee")
    before = await shown(committee, place)
    wrong = await committee.act(f"{place}/draw-seed", "open", {"party": "committee", "share": SHARES["office"]})
    refused(wrong, 422, "validation_failed")
    assert [(fault["pointer"], fault["code"]) for fault in wrong.json()["errors"]] == [("/share", "not_committed_to")]
    assert SHARES["office"] not in wrong.text
    assert await shown(committee, place) == before
    await open_share(committee, place, "committee")


async def test_two_shares_are_two_peoples(scene: Scene, committee: Actor, place: str) -> None:
    both = await scene.world.person(Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE)
    seed = f"{place}/draw-seed"
    await commit(both, place, "office")
    refused(await both.act(seed, "commit", committing("committee")), 409, "four_eyes", "same_person")
    await commit(committee, place, "committee")
    # Nor is another's share theirs to open, once they have had the one.
    refused(await both.act(seed, "open", opening("committee")), 409, "four_eyes", "same_person")
    await open_share(scene.office, place, "office")
    seen = await shown(both, place)
    assert reasons(seen)["open"] == "same_person"
    refused(await both.act(seed, "open", opening("committee")), 409, "four_eyes", "same_person")
    await open_share(committee, place, "committee")


async def test_the_gate_looks_again(scene: Scene, committee: Actor, place: str, app_role: asyncpg.Connection) -> None:
    """Whatever the request's own checks said."""
    kind, occasion = {"e": "evaluation_cycle", "c": "case_round"}[place[4]], place.rsplit("/", 1)[1]
    say = f"SELECT gate.commit_share('{kind}', '{occasion}', $1, repeat('a', 64), 'salt', now(), current_date)"
    opens = f"SELECT gate.open_share('{kind}', '{occasion}', $1, $2, now())"
    for who in (scene.experts[0], committee):
        async with app_role.transaction():
            await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", who.id)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app_role.fetchval(say, "office")
    both = await scene.world.person(Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE)
    await commit(both, place, "office")
    async with app_role.transaction():
        await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", both.id)
        assert await app_role.fetchval(say, "committee") == "same_person"
        assert await app_role.fetchval(opens, "office", SHARES["office"]) == "wrong_state"
    await commit(committee, place, "committee")
    async with app_role.transaction():
        await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", both.id)
        assert await app_role.fetchval(opens, "committee", SHARES["committee"]) == "same_person"
        assert await app_role.fetchval(opens, "office", SHARES["committee"]) == "wrong_share"
        assert await app_role.fetchval(opens, "office", SHARES["office"]) == "taken"
        assert await app_role.fetchval(say, "office") == "wrong_state"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app_role.fetch("SELECT * FROM draw_secrets")


async def test_who_is_recused_takes_part_and_sees_nothing_more(scene: Scene, committee: Actor, place: str) -> None:
    walled = await scene.world.person(Role.LEAGUE_OFFICE)
    await scene.world.wall(walled, f"region:{REGION}")
    await commit(walled, place, "office")
    await commit(committee, place, "committee")
    await open_share(walled, place, "office")
    assert (await walled.get(f"{place}/draw-seed")).content == (await scene.office.get(f"{place}/draw-seed")).content
    assert SHARES["office"] not in (await walled.get(f"{place}/draw-seed")).text


async def test_two_who_commit_at_once(scene: Scene, committee: Actor, place: str) -> None:
    """Both saw the empty one: one is told to look again, and then there are both, and one list."""
    tag = (await scene.office.get(f"{place}/draw-seed")).headers["etag"]
    at_once = [
        actor.post(f"{place}/draw-seed/commit", committing(party), etag=tag)
        for actor, party in ((scene.office, "office"), (committee, "committee"))
    ]
    answers = await asyncio.gather(*at_once)
    assert sorted(answer.status_code for answer in answers) == [200, 412]
    late, party = ((scene.office, "office"), (committee, "committee"))[answers[0].status_code == 200]
    await commit(late, place, party)
    seen = await shown(committee, place)
    assert (seen["state"], seen["version"]) == ("committed", 2)


async def test_a_repeated_key_commits_once(scene: Scene, place: str) -> None:
    tag = (await scene.office.get(f"{place}/draw-seed")).headers["etag"]
    path = f"{place}/draw-seed/commit"
    first, again = [await scene.office.post(path, committing("office"), etag=tag, key="one") for _ in range(2)]
    assert (first.status_code, again.status_code, again.headers["idempotent-replayed"]) == (200, 200, "true")
    assert again.json() == first.json()
    assert first.json()["version"] == 1


@pytest.mark.parametrize("kind", SubjectOfReview)
async def test_nobody_is_drawn_before_both_shares_are_open(
    scene: Scene, committee: Actor, kind: SubjectOfReview
) -> None:
    panel = await scene.panel(kind=kind, seeded=False)
    seat = f"/v1/panels/{panel.id}"
    place = f"/v1/{'case-rounds' if kind == 'case' else 'evaluation-cycles'}/{panel.occasion_id}"

    async def not_yet() -> None:
        refused(await scene.office.post(f"{seat}/draw"), 409, "state_conflict", "seed_not_open")
        assert reasons((await scene.office.get(seat)).json())["draw"] == "seed_not_open"

    await not_yet()
    for step in (commit, open_share):
        await step(scene.office, place, "office")
        await not_yet()
        await step(committee, place, "committee")
        if step is commit:
            await not_yet()
    assert reasons((await scene.office.get(seat)).json())["draw"] is None
    assert (await scene.office.post(f"{seat}/draw")).status_code == 202
    await scene.drain()
    assert await scene.state(panel) == "reviewing"


async def test_a_named_panel_is_repaired_without_a_seed(scene: Scene) -> None:
    """Nobody can be drawn: the quorum is lost, and says so."""
    panel = await scene.panel(seats=1, quorum=1, reserves=0, seeded=False)
    named = {"person_id": str(scene.experts[0].id), "reason": "专业所需（示例）"}
    made = await scene.office.post(f"/v1/panels/{panel.id}/assign", named)
    await scene.drain()
    declined = await scene.experts[0].act(made.headers["location"], "decline", {"reason": "时间冲突（示例）"})
    assert declined.status_code == 200
    await scene.drain()
    assert await scene.state(panel) == "blocked_quorum"
    assert await scene.world.rows("SELECT 1 FROM draws") == []


async def test_the_ceremony_ends_with_the_publication(scene: Scene, committee: Actor, place: str) -> None:
    table = "evaluation_cycles" if "cycles" in place else "case_rounds"
    await scene.world.rows(f"UPDATE {table} SET phase = 'published' RETURNING id")  # noqa: S608
    refused(
        await scene.office.act(f"{place}/draw-seed", "commit", committing("office")),
        409,
        "state_conflict",
        "wrong_state",
    )
    refused(
        await committee.act(f"{place}/draw-seed", "open", opening("committee")), 409, "state_conflict", "wrong_state"
    )
