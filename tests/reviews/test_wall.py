"""What a recusal takes away, and what was never anybody else's to see (Art. 11)."""

from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import registry
from app.models.identity import Role
from app.models.reviews import Panel, SubjectOfReview
from app.reviews import repository
from tests.reviews.scene import (
    CONTENT,
    INTERESTS,
    NONE,
    OTHER,
    REGION,
    SCORES,
    Scene,
    decide_recusal,
    done,
    make_scene,
    order_recusal,
    put,
    save,
)
from tests.world import Actor, World

READS = ("", "/dossier", "/score-sheet")
GONE = {"code": "not_found", "status": 404}


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def _counted(scene: Scene, panel: Panel) -> int:
    async with scene.world.admin.administration() as session:
        return len(await _sheets(session, panel))


async def _sheets(session: AsyncSession, panel: Panel) -> list[object]:
    return list(await repository.counted_sheets(session, panel.id))


async def _answers(actor: Actor, path: str, panel_id: object) -> list[tuple[int, dict[str, object]]]:
    """Everything that can be asked about an assignment and its panel: status, and body but for the request's id."""
    found = []
    requests = [actor.get(f"{path}{part}") for part in READS]
    requests += [actor.get(f"/v1/panels/{panel_id}"), put(actor, f"{path}/score-sheet", {"scores": {}}, etag='"0.0"')]
    requests += [actor.post(f"{path}/{act}", {"reason": "示例"}, etag='"1.0123456789abcdef"') for act in ("decline",)]
    requests += [actor.post(f"{path}/{act}", etag='"1.0123456789abcdef"') for act in ("accept", "score-sheet/submit")]
    requests += [actor.post(f"{path}/declare-conflict", NONE, etag='"1.0123456789abcdef"')]
    requests += [actor.post(f"/v1/panels/{panel_id}/draw")]
    requests += [actor.post(f"/v1/panels/{panel_id}/assign", {"person_id": str(actor.id), "reason": "示例"})]
    for request in requests:
        answer = await request
        found.append((answer.status_code, {k: v for k, v in answer.json().items() if k != "request_id"}))
    return found


async def test_nothing_is_there_for_who_has_no_part_in_it(scene: Scene) -> None:
    """As if the ids had never been given: for each of them, what exists and what does not answer alike."""
    world = scene.world
    panel = await scene.drawn(reserves=1)
    (expert, path), _ = await scene.seats(panel)
    await scene.submitted(expert, path)
    elsewhere = await scene.drawn(region=OTHER, seats=3, quorum=1, reserves=0)
    reserve = (await scene.seats(panel, reserve=True))[0][0]
    for member, own in await scene.seats(elsewhere):
        await scene.opened(member, own)
        await world.renew(member)
    on_panel = {member.id for member, _ in await scene.seats(panel)} | {reserve.id}
    unassigned = next(expert for expert in scene.experts if expert.id not in on_panel)
    others = {
        "reserve": reserve,
        "expert of another panel": unassigned,
        "system": await world.person(Role.SYSTEM_ADMIN),
        "security": await world.person(Role.SECURITY_ADMIN),
        "auditor": await world.person(Role.AUDITOR),
        "editor": await world.person((Role.REGION_EDITOR, REGION)),
        "approver": await world.person((Role.REGION_APPROVER, REGION)),
        "department": await world.person((Role.LEAGUE_DEPARTMENT, scene.employer)),
        "entity": await world.person((Role.CONSTRUCTION_ENTITY, scene.employer)),
        "client": await world.machine(REGION),
        "nobody": await world.person(),
    }
    for who, actor in others.items():
        there = await _answers(actor, path, panel.id)
        absent = await _answers(actor, f"/v1/assignments/{uuid4()}", uuid4())
        assert there == absent, who
        assert {status for status, _ in there} <= {403, 404}, who
        assert all(body["code"] in {"not_found", "insufficient_scope"} for _, body in there), who
    assert (404, "not_found") in {(s, b["code"]) for s, b in await _answers(unassigned, path, panel.id)}
    listed = await unassigned.get("/v1/assignments")
    assert all(item["id"] not in path for item in listed.json()["items"])
    assert (await reserve.get("/v1/assignments", params={"panel_id": str(panel.id)})).json()["items"] == []


async def test_nothing_opens_before_it_is_declared(scene: Scene) -> None:
    panel = await scene.drawn()
    (expert, path), _ = await scene.seats(panel)
    for action in ("accept",):
        for part in ("/dossier", "/score-sheet"):
            assert (await expert.get(f"{path}{part}")).status_code in {403, 404}
        await done(expert, path, action)
        await scene.world.renew(expert)
    for part in ("/dossier", "/score-sheet"):
        assert (await expert.get(f"{path}{part}")).status_code == 404
    assert (await put(expert, f"{path}/score-sheet", {"scores": {}}, etag='"0.0"')).status_code == 409


async def test_an_expert_who_serves_in_the_committee_declares_first_too(scene: Scene) -> None:
    """The committee's policies show the panel's papers; as a member one starts like every member."""
    both = await scene.expert(Role.LEAGUE_COMMITTEE)
    panel = await scene.panel(seats=1, quorum=1)
    named = await scene.office.post(f"/v1/panels/{panel.id}/assign", {"person_id": str(both.id), "reason": "示例"})
    path = named.headers["location"]
    assert (await both.get(path)).json()["region_code"] is None
    await done(both, path, "accept")
    await scene.world.renew(both)
    for part in ("/dossier", "/score-sheet"):
        assert (await both.get(f"{path}{part}")).status_code == 404
    await done(both, path, "declare-conflict", NONE)
    assert (await both.get(f"{path}/dossier")).json()["content"] == CONTENT


async def test_the_office_reads_sheets_once_all_are_in(scene: Scene) -> None:
    panel = await scene.drawn()
    (first, path), (second, other_path) = await scene.seats(panel)
    await scene.submitted(first, path)
    await scene.drain()
    assert (await scene.office.get(f"{path}/score-sheet")).status_code == 404
    await scene.submitted(second, other_path)
    assert (await scene.office.get(f"{path}/score-sheet")).status_code == 404
    await scene.drain()
    assert (await scene.office.get(f"{path}/score-sheet")).json()["scores"] == SCORES
    # The dossier as the panel sees it is the panel's; the office has the original.
    assert (await scene.office.get(f"{path}/dossier")).status_code == 403
    # Nobody reads another member's.
    assert (await first.get(f"{other_path}/score-sheet")).status_code == 404


@pytest.mark.parametrize("how", ["self", "ex_officio"])
async def test_a_recusal_takes_everything_at_once(scene: Scene, how: str) -> None:
    panel = await scene.drawn()
    (expert, path), (second, other_path) = await scene.seats(panel)
    await scene.submitted(expert, path)
    await scene.submitted(second, other_path)
    await scene.drain()
    assert await _counted(scene, panel) == 2
    if how == "self":
        own = {"initiator": "self", "region_code": REGION, "relation_code": "kinship", "statement": "亲属（示例）"}
        assert (await expert.post("/v1/recusals", own)).status_code == 201
    else:
        await order_recusal(scene, scene.office, expert)
    # In the transaction of the recusal, before the worker has done anything.
    assert await _counted(scene, panel) == 1
    assert (await expert.get(path)).status_code == 401
    await scene.world.renew(expert)
    for part in ("/dossier", "/score-sheet"):
        refused = await expert.get(f"{path}{part}")
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert (await expert.get(path)).status_code == 404
    assert (await expert.get("/v1/assignments")).json()["items"] == []
    (sheet,) = await scene.world.rows("SELECT state FROM score_sheets WHERE person_id = :p", p=expert.id)
    assert sheet.state == "sealed"
    # Once it is decided the reserve moves up, and the panel is at work again.
    ((reserve, reserved_path),) = await scene.seats(panel, reserve=True)
    await scene.drain()
    assert (await reserve.get(reserved_path)).status_code == 404
    await decide_recusal(scene, expert)
    await scene.drain()
    assert (await reserve.get(reserved_path)).json()["state"] == "invited"
    assert await scene.state(panel) == "reviewing"
    await scene.submitted(reserve, reserved_path)
    await scene.drain()
    assert await scene.state(panel) == "complete"
    assert await _counted(scene, panel) == 2


async def test_with_another_assignment_the_scope_stays_and_the_subject_goes(scene: Scene) -> None:
    panel = await scene.drawn(seats=4, quorum=2, reserves=0)
    elsewhere = await scene.drawn(region=OTHER, seats=4, quorum=2, reserves=0)
    seats, others = await scene.seats(panel), await scene.seats(elsewhere)
    expert, path = seats[0]
    other_path = next(place for member, place in others if member is expert)
    await scene.opened(expert, path)
    await scene.opened(expert, other_path)
    await scene.world.renew(expert)
    assert (await save(expert, path, {"innovation": "1"})).status_code == 200
    await order_recusal(scene, scene.office, expert)
    await scene.world.renew(expert)
    for answer in await _answers(expert, path, panel.id):
        assert answer[0] in {403, 404}
        assert answer[0] == 404 or answer[1]["code"] == "insufficient_scope"
    for part in READS:
        gone = (await expert.get(f"{path}{part}")).json()
        assert {name: gone[name] for name in GONE} == GONE
        assert (await expert.get(f"{other_path}{part}")).status_code == 200
    # A draft is sealed with the rest: it is no live sheet of somebody walled.
    assert [r.state for r in await scene.world.rows("SELECT state FROM score_sheets")] == ["sealed"]


@pytest.mark.parametrize("submitted", [True, False])
async def test_rejected_it_resumes_where_it_was(scene: Scene, submitted: bool) -> None:
    panel = await scene.drawn(reserves=0)
    (expert, path), (second, other_path) = await scene.seats(panel)
    await scene.opened(expert, path)
    assert (await save(expert, path, SCORES)).status_code == 200
    if submitted:
        await scene.scored(expert, path)
    await scene.submitted(second, other_path)
    recusal = await order_recusal(scene, scene.office, expert)
    inspector = await scene.world.person(Role.DISCIPLINE_INSPECTOR)
    place = f"/v1/recusals/{recusal['id']}"
    await done(inspector, place, "decide", {"outcome": "rejected", "reason": "所述情形不构成回避事由（示例）"})
    await scene.world.renew(expert)
    sheet = (await expert.get(f"{path}/score-sheet")).json()
    assert (sheet["state"], sheet["scores"]) == ("submitted" if submitted else "draft", SCORES)
    if not submitted:
        await scene.scored(expert, path)
    await scene.drain()
    assert [who.id for who, _ in await scene.seats(panel)] == [expert.id, second.id]
    assert await scene.state(panel) == "complete"


async def _employed(scene: Scene, expert: Actor, *, until: str | None) -> None:
    statement = "UPDATE employments SET ends_on = CAST(CAST(:until AS text) AS date) WHERE person_id = :person"
    async with scene.world.admin.administration() as session:
        await registry.lock(session, expert.id)
        await session.execute(text(statement), {"person": expert.id, "until": until})


async def test_who_declared_and_was_not_found_to_be_barred_goes_on(scene: Scene) -> None:
    panel = await scene.drawn()
    (expert, path), _ = await scene.seats(panel)
    await done(expert, path, "accept")
    await scene.world.renew(expert)
    etag = (await expert.get(path)).headers["etag"]
    assert (await expert.post(f"{path}/declare-conflict", INTERESTS, etag=etag)).status_code == 204
    (recusal,) = await scene.world.rows("SELECT id FROM recusals")
    inspector = await scene.world.person(Role.DISCIPLINE_INSPECTOR)
    verdict = {"outcome": "rejected", "reason": "所述情形不构成回避事由（示例）"}
    await done(inspector, f"/v1/recusals/{recusal.id}", "decide", verdict)
    await scene.world.renew(expert)
    assert (await expert.get(path)).json()["state"] == "accepted"
    # Who may not sit there any more for another reason does not go on by this door.
    await _employed(scene, expert, until="2025-12-31")
    late = await expert.act(path, "declare-conflict", NONE)
    assert (late.status_code, late.json()["reason"]) == (409, "ineligible")
    await _employed(scene, expert, until=None)
    contradiction = await expert.act(path, "declare-conflict", {"has_interests": True, "interests": []})
    assert contradiction.status_code == 422, contradiction.text
    assert (await done(expert, path, "declare-conflict", NONE))["state"] == "declared"
    assert (await expert.get(f"{path}/dossier")).status_code == 200
    # What was declared first is kept as it was.
    (declared,) = await scene.world.rows("SELECT has_interests FROM declarations WHERE assignment_id IS NOT NULL")
    assert declared.has_interests


async def test_in_force_it_voids_and_the_void_sheet_stays_void(scene: Scene) -> None:
    panel = await scene.drawn()
    (expert, path), _ = await scene.seats(panel)
    await scene.submitted(expert, path)
    recusal = await order_recusal(scene, scene.office, expert)
    inspector = await scene.world.person(Role.DISCIPLINE_INSPECTOR)
    place = f"/v1/recusals/{recusal['id']}"
    await done(inspector, place, "decide", {"outcome": "in_force", "reason": "情况属实（示例）"})
    for decider in (scene.office, inspector):
        await done(decider, place, "lift", {"reason": "情形消除（示例）"})
    await scene.world.renew(expert)
    assert (await expert.get(f"{path}/score-sheet")).status_code in {403, 404}
    assert (await expert.get(path)).status_code == 404
    (row,) = await scene.world.rows(
        "SELECT a.state AS seat, s.state AS sheet FROM assignments AS a JOIN score_sheets AS s USING (person_id)"
    )
    assert tuple(row) == ("voided", "voided")


async def test_declared_interests_are_a_recusal(scene: Scene) -> None:
    panel = await scene.drawn()
    (expert, path), _ = await scene.seats(panel)
    await done(expert, path, "accept")
    await scene.world.renew(expert)
    etag = (await expert.get(path)).headers["etag"]
    left = await expert.post(f"{path}/declare-conflict", INTERESTS, etag=etag, key="declared-once")
    assert (left.status_code, left.content) == (204, b"")
    assert (await expert.get(path)).status_code == 401
    await scene.world.renew(expert)
    assert (await expert.get(path)).status_code == 404
    again = await expert.post(f"{path}/declare-conflict", INTERESTS, etag=etag, key="declared-once")
    assert again.status_code == 404
    (recusal,) = await scene.world.rows("SELECT initiator, state, region_code FROM recusals")
    assert tuple(recusal) == ("self", "provisional", REGION)
    (declared,) = await scene.world.rows(
        "SELECT has_interests, interests FROM declarations WHERE assignment_id IS NOT NULL"
    )
    assert declared.has_interests
    assert [interest["relation_code"] for interest in declared.interests] == ["kinship"]
    await scene.drain()
    # The seat is given away once it is decided that it is free.
    assert len(await scene.seats(panel)) == 2
    await decide_recusal(scene, expert)
    await scene.drain()
    assert len(await scene.seats(panel)) == 3


async def test_interests_in_a_case_bar_from_the_case_alone(scene: Scene) -> None:
    case = await scene.drawn(kind=SubjectOfReview.CASE, seats=4, quorum=1, reserves=0)
    other = await scene.drawn(seats=4, quorum=1, reserves=0)
    (expert, path), *_ = await scene.seats(case)
    stays = next(place for member, place in await scene.seats(other) if member is expert)
    await done(expert, path, "accept")
    await scene.world.renew(expert)
    etag = (await expert.get(path)).headers["etag"]
    answer = await expert.post(f"{path}/declare-conflict", INTERESTS, etag=etag)
    assert answer.status_code == 204
    await scene.world.renew(expert)
    assert (await expert.get(path)).status_code == 404
    assert (await expert.get(stays)).status_code == 200


async def test_a_walled_officer_finds_no_panel(scene: Scene) -> None:
    panel = await scene.drawn()
    (_, path), _ = await scene.seats(panel)
    colleague = await scene.world.person(Role.LEAGUE_OFFICE)
    assert (await colleague.get(f"/v1/panels/{panel.id}")).status_code == 200
    assert len((await colleague.get("/v1/assignments")).json()["items"]) == 3
    await scene.world.wall(colleague, f"region:{REGION}")
    assert await _answers(colleague, path, panel.id) == await _answers(colleague, f"/v1/assignments/{uuid4()}", uuid4())
    assert (await colleague.get("/v1/assignments")).json()["items"] == []
    assert (await colleague.get("/v1/assignments", params={"include_total": "true"})).json()["total"] == 0
