"""Five answers of every route, in the order of refusals; the pool, panels, assignments and sheets over HTTP."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from httpx import AsyncClient

from app.core.canonical import digest
from app.models.identity import Role
from app.models.reviews import Panel
from tests.ground import FrozenClock
from tests.reviews.scene import (
    CONTENT,
    INTERESTS,
    NONE,
    REGION,
    SCORES,
    Scene,
    done,
    make_scene,
    order_recusal,
    put,
    save,
)
from tests.world import Actor, World

STALE = '"999.0123456789abcdef"'
WHY = {"reason": "专业所需（示例）"}


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def _seat(scene: Scene, *, opened: bool = True) -> tuple[Panel, Actor, str]:
    panel = await scene.drawn()
    (expert, path), _ = await scene.seats(panel)
    if opened:
        await scene.opened(expert, path)
        await scene.world.renew(expert)
    return panel, expert, path


def _errors(answer: Any) -> set[tuple[str, str]]:
    return {(error["pointer"], error["code"]) for error in answer.json()["errors"]}


async def test_the_pool(scene: Scene, http: AsyncClient) -> None:
    office, newcomer = scene.office, await scene.expert(pool=False)
    assert (await http.get("/v1/experts")).status_code == 401
    assert (await scene.experts[0].get("/v1/experts")).status_code == 403
    body = {"person_id": str(newcomer.id), "specialties": ["草原生态（示例）"], "term_ends_on": "2028-12-31"}
    assert (await newcomer.post("/v1/experts", body)).status_code == 403
    made = await office.post("/v1/experts", body)
    assert made.status_code == 201, made.text
    place = made.headers["location"]
    assert made.json()["name"] == "示例专家"
    assert (await office.get(place)).json() == made.json()
    again = await office.post("/v1/experts", body)
    assert (again.status_code, again.json()["reason"]) == (409, "expert_exists")
    clerk = await scene.world.person(Role.LEAGUE_COMMITTEE)
    refused = await office.post("/v1/experts", {"person_id": str(clerk.id)})
    assert (refused.status_code, refused.json()["reason"]) == (409, "no_expert_grant")
    assert _errors(await office.post("/v1/experts", {"person_id": str(uuid4())})) == {
        ("/person_id", "unknown_reference")
    }
    hostile: list[Any] = [{}, {"person_id": "x"}, {"person_id": None}, {"person_id": [1]}, []]
    for wrong in hostile:
        assert (await office.post("/v1/experts", wrong)).status_code == 422
    etag = made.headers["etag"]
    changed = await office.patch(place, {"active": False, "term_ends_on": None}, etag=etag)
    assert (changed.json()["active"], changed.json()["term_ends_on"]) == (False, None)
    assert (await office.patch(place, {"active": True}, etag=etag)).status_code == 412
    assert (await office.patch(place, {"active": True})).status_code == 428
    etag = changed.headers["etag"]
    assert _errors(await office.patch(place, {"active": None, "specialties": None}, etag=etag)) == {
        ("/active", "required"),
        ("/specialties", "required"),
    }
    assert (await office.patch(place, {}, etag=etag)).headers["etag"] == etag
    assert (await office.patch(f"/v1/experts/{uuid4()}", {}, etag=etag)).status_code == 404
    assert (await office.get(f"/v1/experts/{clerk.id}")).status_code == 404
    listed = (await office.get("/v1/experts", params={"active": "false"})).json()["items"]
    assert [item["person_id"] for item in listed] == [str(newcomer.id)]
    audited = await scene.world.rows(
        "SELECT action FROM audit_entries WHERE resource_kind = 'expert' ORDER BY occurred_at"
    )
    assert [row.action for row in audited] == ["experts.create", "experts.update"]
    with scene.world.counting() as few:
        await office.get("/v1/experts", params={"limit": "1"})
    with scene.world.counting() as many:
        await office.get("/v1/experts")
    assert len(few) == len(many)


async def test_a_panel(scene: Scene, http: AsyncClient) -> None:
    panel = await scene.panel()
    place = f"/v1/panels/{panel.id}"
    for path, method in ((place, "GET"), (f"{place}/draw", "POST"), (f"{place}/assign", "POST")):
        answer = await http.request(method, path, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 401
    assert (await scene.experts[0].get(place)).status_code == 403
    assert (await scene.office.get(f"/v1/panels/{uuid4()}")).status_code == 404
    assert (await scene.office.get("/v1/panels/no-uuid")).status_code == 404
    shown = (await scene.office.get(place)).json()
    assert (shown["state"], shown["members"]["invited"], shown["draws"]) == ("forming", 0, [])
    asked = await scene.office.post(f"{place}/draw", key="draw-once")
    assert (asked.status_code, asked.content) == (202, b"")
    again = await scene.office.post(f"{place}/draw", key="draw-once")
    assert (again.status_code, again.content, again.headers["idempotent-replayed"]) == (202, b"", "true")
    await scene.drain()
    shown = (await scene.office.get(place)).json()
    assert (shown["state"], shown["members"]["invited"], shown["members"]["in_reserve"]) == ("reviewing", 2, 1)
    # Seed and candidates stay closed.
    assert shown["draws"][0].keys() == {"drawn_at", "candidates_sha256"}
    for expert, path in await scene.seats(panel):
        await scene.submitted(expert, path)
    await scene.drain()
    shown = (await scene.office.get(place)).json()
    assert {action["action"]: action["reason"] for action in shown["allowed_actions"]} == {
        "draw": "wrong_state",
        "assign": "wrong_state",
    }
    assert (await scene.office.post(f"{place}/draw")).status_code == 409
    late = {"person_id": str(scene.experts[-1].id), **WHY}
    assert (await scene.office.post(f"{place}/assign", late)).status_code == 409


async def test_by_name(scene: Scene) -> None:
    panel = await scene.panel()
    place, expert = f"/v1/panels/{panel.id}/assign", scene.experts[0]
    incomplete: list[Any] = [{}, WHY, {"person_id": "x", **WHY}, {"person_id": str(expert.id)}, []]
    for wrong in [*incomplete, {"person_id": 7, **WHY}]:
        assert (await scene.office.post(place, wrong)).status_code == 422, wrong
    made = await scene.office.post(place, {"person_id": str(expert.id), **WHY})
    assert made.status_code == 201, made.text
    shown = made.json()
    assert (shown["method"], shown["reason"], shown["state"], shown["position"]) == (
        "named",
        WHY["reason"],
        "invited",
        1,
    )
    assert (await scene.office.get(made.headers["location"])).json() == shown
    audited = await scene.world.rows("SELECT reason FROM audit_entries WHERE action = 'assignments.invite'")
    assert [row.reason for row in audited] == [WHY["reason"]]
    # Of the invitation the expert is told by what is listed, not by a token that stops.
    assert (await expert.get("/v1/assignments")).json()["items"][0]["id"] == shown["id"]


async def test_why_somebody_cannot_sit_is_not_told(scene: Scene) -> None:
    """Recused, employed there, no expert, unknown, already on the panel: one answer."""
    world, panel = scene.world, await scene.panel()
    place = f"/v1/panels/{panel.id}/assign"
    await order_recusal(scene, scene.office, scene.experts[0])
    there = await scene.expert(employed_at=await world.organisation(region_code=REGION))
    outside = await scene.expert(pool=False)
    assert (await scene.office.post(place, {"person_id": str(scene.experts[1].id), **WHY})).status_code == 201
    bodies = []
    for person in (scene.experts[0].id, there.id, outside.id, scene.office.id, uuid4(), scene.experts[1].id):
        answer = await scene.office.post(place, {"person_id": str(person), **WHY})
        bodies.append((answer.status_code, {k: v for k, v in answer.json().items() if k != "request_id"}))
    assert {status for status, _ in bodies} == {409}
    assert bodies.count(bodies[0]) == len(bodies)
    assert bodies[0][1]["reason"] == "ineligible"
    assert len(await world.rows("SELECT id FROM assignments")) == 1


async def test_of_those_named_for_the_last_seat_one_sits(scene: Scene, worker: asyncpg.Connection) -> None:
    panel = await scene.panel(seats=1, reserves=0, quorum=1)
    place = f"/v1/panels/{panel.id}/assign"
    bodies = [{"person_id": str(expert.id), **WHY} for expert in scene.experts[:4]]
    async with worker.transaction():
        # All of them are on their way before the first one takes the seat.
        await worker.execute("SELECT 1 FROM panels WHERE id = $1 FOR UPDATE", panel.id)
        naming = [asyncio.create_task(scene.office.post(place, body)) for body in bodies[:3]]
        await asyncio.sleep(0.5)
        assert not any(task.done() for task in naming)
    answers = [await task for task in naming]
    answers.append(await scene.office.post(place, bodies[3]))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    reasons = {answer.json()["reason"] for answer in answers if answer.status_code == 409}
    assert reasons == {"no_open_seat"}
    assert len(await scene.world.rows("SELECT id FROM assignments")) == 1


async def test_answering(scene: Scene, http: AsyncClient) -> None:
    panel, expert, path = await _seat(scene, opened=False)
    colleague = (await scene.seats(panel))[1][0]
    etag = (await expert.get(path)).headers["etag"]
    bodies: dict[str, Any] = {"accept": None, "decline": {"reason": "时间冲突（示例）"}, "declare-conflict": NONE}
    for action, body in bodies.items():
        place = f"{path}/{action}"
        assert (await http.post(place, json=body, headers={"Idempotency-Key": "k"})).status_code == 401
        assert (await scene.office.post(place, body, etag=etag)).status_code == 403
        assert (await colleague.post(place, body, etag=etag)).status_code == 404
        assert (await expert.post(f"/v1/assignments/{uuid4()}/{action}", body, etag=etag)).status_code == 404
    assert (await expert.post(f"{path}/declare-conflict", NONE, etag=etag)).status_code == 409
    assert (await expert.post(f"{path}/accept")).status_code == 428
    assert (await expert.post(f"{path}/accept", etag=STALE)).status_code == 412
    assert (await expert.post(f"{path}/decline", {"reason": ""}, etag=etag)).status_code == 422
    accepted = await expert.post(f"{path}/accept", etag=etag, key="accept-once")
    assert accepted.status_code == 200
    await scene.world.renew(expert)
    again = await expert.post(f"{path}/accept", etag=etag, key="accept-once")
    # All of it but what the new token may do more: review.
    assert again.status_code == 200
    assert {**again.json(), "allowed_actions": None} == {**accepted.json(), "allowed_actions": None}
    assert (await expert.post(f"{path}/accept", etag=accepted.headers["etag"])).status_code == 409
    await done(expert, path, "decline", bodies["decline"])
    await scene.world.renew(expert)
    shown = (await expert.get(path)).json()
    assert (shown["state"], shown["region_code"], shown["decline_reason"]) == ("declined", None, None)
    assert (await scene.office.get(path)).json()["decline_reason"] == "时间冲突（示例）"
    audited = await scene.world.rows(
        "SELECT action FROM audit_entries WHERE actor_id = :p ORDER BY occurred_at, action", p=expert.id
    )
    assert {"assignments.accept", "assignments.decline"} <= {row.action for row in audited}


async def test_without_this_years_commitment_nothing_can_be_answered(scene: Scene) -> None:
    scene.experts.append(await scene.expert(judges=False))
    panel = await scene.panel()
    body = {"person_id": str(scene.experts[-1].id), **WHY}
    path = (await scene.office.post(f"/v1/panels/{panel.id}/assign", body)).headers["location"]
    refused = await scene.experts[-1].get(path)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")


async def test_declaring(scene: Scene) -> None:
    _, expert, path = await _seat(scene, opened=False)
    await done(expert, path, "accept")
    await scene.world.renew(expert)
    etag = (await expert.get(path)).headers["etag"]
    unknown = {"has_interests": True, "interests": [{"relation_code": "nonsense", "statement": "示例"}] * 2}
    assert _errors(await expert.post(f"{path}/declare-conflict", unknown, etag=etag)) == {
        ("/interests/0/relation_code", "unknown_reference"),
        ("/interests/1/relation_code", "unknown_reference"),
    }
    contradictory: list[Any] = [{}, {"has_interests": True}, {**INTERESTS, "has_interests": False}, {"interests": []}]
    for body in contradictory:
        assert (await expert.post(f"{path}/declare-conflict", body, etag=etag)).status_code == 422, body
    assert await scene.world.rows("SELECT id FROM declarations WHERE assignment_id IS NOT NULL") == []
    assert (await done(expert, path, "declare-conflict", NONE))["state"] == "declared"
    assert len(await scene.world.rows("SELECT id FROM declarations WHERE assignment_id IS NOT NULL")) == 1
    # Declaring once ends no token: the scopes are what they were.
    assert (await expert.get(f"{path}/dossier")).status_code == 200


async def test_lists(scene: Scene) -> None:
    panel = await scene.drawn()
    (expert, path), _ = await scene.seats(panel)
    everything = (await scene.office.get("/v1/assignments", params={"panel_id": str(panel.id)})).json()["items"]
    assert len(everything) == 3
    assert {item["is_reserve"] for item in everything} == {True, False}
    assert (await scene.office.get("/v1/assignments", params={"mine": "true"})).json()["items"] == []
    own = (await expert.get("/v1/assignments", params={"state": "invited", "subject_kind": "evaluation"})).json()
    assert [item["id"] for item in own["items"]] == [path.rsplit("/", 1)[1]]
    assert own["items"][0]["region_code"] is None
    first = await scene.office.get("/v1/assignments", params={"limit": "2"})
    rest = await scene.office.get("/v1/assignments", params={"limit": "2", "cursor": first.json()["next_cursor"]})
    assert len({item["id"] for item in first.json()["items"] + rest.json()["items"]}) == 3
    assert (await expert.get("/v1/assignments", params={"nonsense": "1"})).status_code == 422
    assert (await expert.get("/v1/assignments", params={"state": "nonsense"})).status_code == 422
    with scene.world.counting() as few:
        await scene.office.get("/v1/assignments", params={"limit": "1"})
    with scene.world.counting() as many:
        await scene.office.get("/v1/assignments")
    assert len(few) == len(many)


async def test_the_dossier_is_the_frozen_copy(scene: Scene, http: AsyncClient) -> None:
    _, expert, path = await _seat(scene)
    assert (await http.get(f"{path}/dossier")).status_code == 401
    assert (await scene.office.get(f"{path}/dossier")).status_code == 403
    assert (await expert.get(f"/v1/assignments/{uuid4()}/dossier")).status_code == 404
    assert (await expert.get(f"{path}/dossier", params={"x": "1"})).status_code == 422
    shown = await expert.get(f"{path}/dossier")
    assert shown.json()["content_sha256"] == digest(CONTENT)
    unchanged = await expert.get(f"{path}/dossier", headers={"If-None-Match": shown.headers["etag"]})
    assert unchanged.status_code == 304


async def test_scoring(scene: Scene, http: AsyncClient) -> None:
    _, expert, path = await _seat(scene)
    sheet, blank = f"{path}/score-sheet", await expert.get(f"{path}/score-sheet")
    etag = blank.headers["etag"]
    assert (await http.get(sheet)).status_code == 401
    assert (await put(scene.office, sheet, {"scores": {}}, etag=etag)).status_code == 403
    assert (await put(expert, f"/v1/assignments/{uuid4()}/score-sheet", {"scores": {}}, etag=etag)).status_code == 404
    assert (await put(expert, sheet, {"scores": {}})).status_code == 428
    assert (await put(expert, sheet, {"scores": {}}, etag=STALE)).status_code == 412
    wrong = {"scores": {"innovation": "10.01", "results": "-1", "nonsense": "1", "regularity": "1"}}
    assert _errors(await put(expert, sheet, wrong, etag=etag)) == {
        ("/scores/innovation", "out_of_range"),
        ("/scores/results", "out_of_range"),
        ("/scores/nonsense", "unknown_field"),
    }
    shapes = {"a": 8.5, "b": "8.555", "c": "NaN", "d": True, "e": None, "f": "1e3"}
    assert {pointer for pointer, _ in _errors(await put(expert, sheet, {"scores": shapes}, etag=etag))} == {
        f"/scores/{name}" for name in shapes
    }
    hostile = [{}, {"scores": []}, {"scores": {}, "x": 1}, {"scores": {"\x00": "1"}}, {"scores": {"k" * 900: "1"}}]
    for body in hostile:
        assert (await put(expert, sheet, body, etag=etag)).status_code == 422, body
    surrogate = await expert.client.put(
        sheet,
        content=b'{"scores": {"\\ud800": "1"}}',
        headers={"If-Match": etag, "Content-Type": "application/json"},
    )
    assert surrogate.status_code == 422
    saved = await put(expert, sheet, {"scores": {"innovation": "8.5"}, "opinion": "扎实（示例）"}, etag=etag)
    assert (saved.status_code, saved.json()["version"], saved.json()["scores"]) == (200, 1, {"innovation": "8.5"})
    assert (await expert.get(sheet)).json() == saved.json()
    # Two windows: the second one does not overwrite what it has not seen.
    assert (await put(expert, sheet, {"scores": {}}, etag=etag)).status_code == 412
    same = await put(
        expert, sheet, {"scores": {"innovation": "8.5"}, "opinion": "扎实（示例）"}, etag=saved.headers["etag"]
    )
    assert same.headers["etag"] == saved.headers["etag"]
    assert len(await scene.world.rows("SELECT id FROM audit_entries WHERE action = 'score-sheets.save'")) == 1


async def test_two_first_saves_at_once_make_one_sheet(scene: Scene) -> None:
    _, expert, path = await _seat(scene)
    etag = (await expert.get(f"{path}/score-sheet")).headers["etag"]
    saves = [put(expert, f"{path}/score-sheet", {"scores": {"innovation": str(n)}}, etag=etag) for n in range(6)]
    answers = [answer.status_code for answer in await asyncio.gather(*saves)]
    assert answers.count(200) == 1
    assert set(answers) <= {200, 409, 412}
    assert len(await scene.world.rows("SELECT id FROM score_sheets")) == 1


async def test_signing(scene: Scene, http: AsyncClient, clock: FrozenClock) -> None:
    panel, expert, path = await _seat(scene)
    submit = f"{path}/score-sheet/submit"
    blank = (await expert.get(f"{path}/score-sheet")).headers["etag"]
    assert (await http.post(submit, headers={"Idempotency-Key": "k"})).status_code == 401
    assert (await scene.office.post(submit, etag=blank)).status_code == 403
    everything = {(f"/scores/{criterion['code']}", "required") for criterion in panel.criteria}
    assert _errors(await expert.post(submit, etag=blank)) == everything
    partly = await save(expert, path, {"results": "9"})
    assert _errors(await expert.post(submit, etag=partly.headers["etag"])) == everything - {
        ("/scores/results", "required")
    }
    saved = await save(expert, path, SCORES, opinion="扎实（示例）")
    assert (await expert.post(submit)).status_code == 428
    assert (await expert.post(submit, etag=partly.headers["etag"])).status_code == 412
    clock.advance(minutes=1)
    signed = await expert.post(submit, etag=saved.headers["etag"], key="sign-once")
    assert signed.status_code == 200, signed.text
    sheet = signed.json()
    # The review scope is what it was: no token ends.
    assert (await expert.get(f"{path}/score-sheet")).json() == sheet
    again = await expert.post(submit, etag=saved.headers["etag"], key="sign-once")
    assert (again.status_code, again.json()) == (200, sheet)
    assert (await expert.get(path)).json()["state"] == "done"
    # Nobody changes it afterwards.
    etag = signed.headers["etag"]
    assert (await put(expert, f"{path}/score-sheet", {"scores": {}}, etag=etag)).status_code == 409
    assert (await expert.post(submit, etag=etag)).status_code == 409
    assert (await expert.act(path, "decline", {"reason": "示例"})).status_code == 409
    (row,) = await scene.world.rows("SELECT id FROM score_sheets")
    content = {
        "sheet_id": str(row.id),
        "assignment_id": path.rsplit("/", 1)[1],
        "person_id": str(expert.id),
        "subject_kind": "evaluation",
        "subject_id": str(panel.subject_id),
        "content_sha256": digest(CONTENT),
        "criteria": panel.criteria,
        "scores": SCORES,
        "opinion": "扎实（示例）",
        "salt": sheet["salt"],
        "submitted_at": clock.now().isoformat(),
    }
    assert sheet["signature"] == digest(content)
    (audited,) = await scene.world.rows("SELECT changes FROM audit_entries WHERE action = 'score-sheets.submit'")
    assert audited.changes == {"signature": sheet["signature"]}


async def test_a_declined_draft_is_void(scene: Scene) -> None:
    _, expert, path = await _seat(scene)
    assert (await save(expert, path, SCORES)).status_code == 200
    await done(expert, path, "decline", {"reason": "时间冲突（示例）"})
    assert [row.state for row in await scene.world.rows("SELECT state FROM score_sheets")] == ["voided"]
    await scene.world.renew(expert)
    assert (await expert.get(f"{path}/score-sheet")).status_code in {403, 404}


async def test_a_token_without_the_kinds_scope_opens_nothing(scene: Scene) -> None:
    """Seated on both kinds, with a token that was asked for one of them only."""
    _, expert, path = await _seat(scene)
    await scene.world.renew(expert, scopes=frozenset({"assignments:respond", "cases:review"}))
    assert (await expert.get(f"{path}/dossier")).status_code == 403
