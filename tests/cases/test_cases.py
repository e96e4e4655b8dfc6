"""The case as a dossier: who drafts, recommends, returns and sees it, and in which order refusals come."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.models.identity import Role
from tests.cases.scene import OTHER, REGION, TEXTS, Selection, actions, done, etag_of, make_selection
from tests.world import World

REMARKS = {"remarks": "请补充成效数据（示例）"}


@pytest.fixture
async def selection(world: World) -> Selection:
    return await make_selection(world)


async def test_beginning_refuses_in_order(selection: Selection, http: AsyncClient) -> None:
    body = selection.body()
    assert (await http.post("/v1/cases", json=body, headers={"Idempotency-Key": "k"})).status_code == 401
    for stranger in (selection.approver, selection.office, selection.leader):
        assert (await stranger.post("/v1/cases", body)).json()["code"] == "insufficient_scope"
    elsewhere = await selection.editor.post("/v1/cases", selection.body(OTHER))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "forbidden")
    for wrong, pointer in (
        ({"region_code": "999999"}, "/region_code"),
        ({"round_id": str(uuid4())}, "/round_id"),
        ({"mode_code": "nonsense"}, "/mode_code"),
        ({"project_id": str(uuid4())}, "/project_id"),
        ({"title": ""}, "/title"),
        ({"title": None}, "/title"),
        ({"nonsense": 1}, "/nonsense"),
        ({"summary": "x" * 20_001}, "/summary"),
    ):
        refused = await selection.editor.post("/v1/cases", {**body, **wrong})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), wrong
    made = await selection.editor.post("/v1/cases", body, key="once")
    assert (made.status_code, made.json()["state"]) == (201, "draft")
    again = await selection.editor.post("/v1/cases", body, key="once")
    assert (again.headers["idempotent-replayed"], again.json()) == ("true", made.json())
    await done(selection.office, selection.round, "close")
    late = await selection.editor.post("/v1/cases", body)
    assert (late.status_code, late.json()["reason"]) == (409, "round_not_open")


async def test_a_draft_is_the_regions_own_and_what_was_recommended_the_leagues_too(selection: Selection) -> None:
    path = await selection.drafted()
    other, _ = await selection.staff(OTHER)
    inspector = await selection.world.person(Role.DISCIPLINE_INSPECTOR)
    organisation = await selection.world.organisation(region_code="152500")
    department = await selection.world.person((Role.LEAGUE_DEPARTMENT, organisation))
    league = (selection.office, selection.leader, inspector, department)
    for actor in (selection.editor, selection.approver):
        assert (await actor.get(path)).status_code == 200
    for actor in (*league, other):
        assert (await actor.get(path)).status_code == 404
        assert (await actor.get("/v1/cases")).json()["items"] == []
    await done(selection.approver, path, "recommend")
    for actor in league:
        assert (await actor.get(path)).status_code == 200
        assert len((await actor.get("/v1/cases")).json()["items"]) == 1
    await done(selection.office, path, "return", REMARKS)
    assert (await selection.leader.get(path)).json()["state"] == "returned"
    assert (await other.get(path)).status_code == 404
    assert (await other.get("/v1/cases")).json()["items"] == []
    assert (await other.get(f"{path}/decisions")).status_code == 404
    for stranger in (selection.review.experts[0], await selection.world.machine(REGION)):
        for place in (path, "/v1/cases", f"{path}/decisions"):
            assert (await stranger.get(place)).json()["code"] == "insufficient_scope"


async def test_reading_asks_for_a_token(selection: Selection, http: AsyncClient) -> None:
    path = await selection.drafted()
    for place in (path, "/v1/cases", f"{path}/decisions"):
        assert (await http.get(place)).status_code == 401
    assert (await selection.editor.get(f"/v1/cases/{uuid4()}")).status_code == 404
    assert (await selection.editor.get("/v1/cases/nonsense")).status_code == 404
    for query in ("state=secret", "updated_since=2026-01-01T00:00:00", "sort=total", "nonsense=1"):
        assert (await selection.editor.get(f"/v1/cases?{query}")).status_code == 422, query
    for query, count in (
        (f"round_id={selection.round_id}&state=draft&region_code={REGION}", 1),
        ("updated_since=2026-03-02T00:00:00Z&sort=updated_at", 1),
        ("updated_since=2026-03-03T00:00:00Z", 0),
        ("state=recommended", 0),
    ):
        assert len((await selection.editor.get(f"/v1/cases?{query}")).json()["items"]) == count, query


async def test_editing_is_for_the_editor_in_editable_states(selection: Selection, http: AsyncClient) -> None:
    path = await selection.drafted()
    etag = await etag_of(selection.editor, path)
    assert (await http.patch(path, json={})).status_code == 401
    assert (await selection.approver.patch(path, {}, etag=etag)).json()["code"] == "insufficient_scope"
    other, _ = await selection.staff(OTHER)
    assert (await other.patch(path, {}, etag=etag)).status_code == 404
    assert (await selection.editor.patch(path, {"title": "x"})).status_code == 428
    assert (await selection.editor.patch(path, {"title": "x"}, etag='"9.0123456789abcdef"')).status_code == 412
    for wrong in ({"title": None}, {"state": "recommended"}, {"region_code": OTHER}, {"mode_code": "nonsense"}):
        assert (await selection.editor.patch(path, wrong, etag=etag)).status_code == 422, wrong
    changed = await selection.editor.patch(path, {"summary": None, "title": "新题（示例）"}, etag=etag)
    assert (changed.status_code, changed.json()["summary"], changed.json()["title"]) == (200, None, "新题（示例）")
    assert actions(changed.json())["edit"] is None
    full = await selection.recommended(title="另一（示例）")
    refused = await selection.editor.patch(full, {"title": "x"}, etag=await etag_of(selection.editor, full))
    assert (refused.status_code, refused.json()["reason"]) == (409, "wrong_state")


async def test_recommending_refuses_in_order(selection: Selection, http: AsyncClient) -> None:
    path = await selection.drafted(summary=None, results=None)
    url = f"{path}/recommend"
    assert (await http.post(url, headers={"Idempotency-Key": "k"})).status_code == 401
    for stranger in (selection.editor, selection.office):
        assert (await stranger.post(url)).json()["code"] == "insufficient_scope"
    _, other = await selection.staff(OTHER)
    assert (await other.post(url)).status_code == 404
    assert (await selection.approver.post(url)).status_code == 428
    assert (await selection.approver.post(url, etag='"9.0123456789abcdef"')).status_code == 412
    assert actions((await selection.approver.get(path)).json())["recommend"] == "incomplete"
    missing = await selection.approver.act(path, "recommend")
    assert missing.status_code == 422
    assert [error["pointer"] for error in missing.json()["errors"]] == ["/summary", "/results"]
    etag = await etag_of(selection.editor, path)
    assert (await selection.editor.patch(path, TEXTS, etag=etag)).status_code == 200
    shown = await done(selection.approver, path, "recommend")
    assert (shown["state"], shown["recommended_by"]) == ("recommended", str(selection.approver.id))
    late = await selection.approver.act(path, "recommend")
    assert (late.status_code, late.json()["reason"]) == (409, "wrong_state")


async def test_whoever_had_a_hand_in_the_text_recommends_nothing(selection: Selection) -> None:
    both = await selection.world.person((Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, REGION))
    own = (await both.post("/v1/cases", selection.body())).headers["location"]
    edited = await selection.drafted()
    etag = await etag_of(both, edited)
    assert (await both.patch(edited, {"summary": "改写（示例）"}, etag=etag)).status_code == 200
    # And somebody else again after them: it is enough to have had a hand in it at any time.
    etag = await etag_of(selection.editor, edited)
    assert (await selection.editor.patch(edited, {"summary": "再改（示例）"}, etag=etag)).status_code == 200
    for path in (own, edited):
        refused = await both.act(path, "recommend")
        assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
        assert actions((await both.get(path)).json())["recommend"] == refused.json()["reason"]
    [trace, *_] = await selection.world.rows(
        "SELECT action FROM audit_entries WHERE outcome = 'denied' AND actor_id = :p", p=both.id
    )
    assert trace.action == "POST /v1/cases/{case_id}/recommend"
    await done(selection.approver, own, "recommend")


@pytest.mark.parametrize("action", ["return", "start-review"])
async def test_the_offices_acts_refuse_in_order(selection: Selection, action: str, http: AsyncClient) -> None:
    path = await selection.recommended()
    url, body = f"{path}/{action}", REMARKS if action == "return" else None
    assert (await http.post(url, json=body, headers={"Idempotency-Key": "k"})).status_code == 401
    for stranger in (selection.editor, selection.approver, selection.leader):
        assert (await stranger.post(url, body)).json()["code"] == "insufficient_scope"
    draft = await selection.drafted(title="草稿（示例）")
    assert (await selection.office.post(f"{draft}/{action}", body)).status_code == 404
    assert (await selection.office.post(url, body)).status_code == 428
    assert (await selection.office.post(url, body, etag='"9.0123456789abcdef"')).status_code == 412
    if body:
        for wrong in ({}, {"remarks": ""}, {**body, "nonsense": 1}):
            assert (await selection.office.act(path, action, wrong)).status_code == 422, wrong
    insider = await selection.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    refused = await insider.act(path, action, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    await done(selection.office, path, action, body)
    again = await selection.office.act(path, action, body)
    reason = "wrong_state" if action == "return" else "under_review"
    assert (again.status_code, again.json()["reason"]) == (409, reason)


async def test_what_was_returned_is_completed_and_recommended_again(selection: Selection) -> None:
    path = await selection.recommended()
    await done(selection.office, path, "return", REMARKS)
    for actor in (selection.editor, selection.approver, selection.office):
        [decision] = (await actor.get(f"{path}/decisions")).json()["items"]
        assert (decision["outcome"], decision["note"]) == ("returned", REMARKS["remarks"])
    never_sent = await selection.drafted(title="迟到（示例）")
    await done(selection.office, selection.round, "close")
    late = await selection.approver.act(never_sent, "recommend")
    assert (late.status_code, late.json()["reason"]) == (409, "round_closed")
    await done(selection.approver, path, "recommend")


async def test_the_quota_holds_also_in_a_race(selection: Selection) -> None:
    paths = [await selection.drafted(title=f"案例{n}（示例）") for n in range(4)]
    etags = [await etag_of(selection.approver, path) for path in paths]

    async def recommend(path: str, etag: str) -> Any:
        return await selection.approver.post(f"{path}/recommend", etag=etag)

    answers = await asyncio.gather(*(recommend(path, etag) for path, etag in zip(paths, etags, strict=True)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 409, 409]
    refused = [answer.json()["reason"] for answer in answers if answer.status_code == 409]
    assert refused == ["quota_reached"] * 2
    [row] = await selection.world.rows("SELECT count(*) AS count FROM cases WHERE state = 'recommended'")
    assert row.count == 2
    # Another region has a quota of its own, and what is returned frees its place.
    await selection.recommended(OTHER)
    by_status = dict(zip(paths, (answer.status_code for answer in answers), strict=True))
    taken = next(path for path, status in by_status.items() if status == 200)
    left = next(path for path, status in by_status.items() if status == 409)
    await done(selection.office, taken, "return", REMARKS)
    await done(selection.approver, left, "recommend")


async def test_returning_and_reviewing_at_once_is_one_or_the_other(selection: Selection) -> None:
    path = await selection.recommended()
    etag = await etag_of(selection.office, path)
    second = await selection.world.person(Role.LEAGUE_OFFICE)
    answers = await asyncio.gather(
        selection.office.post(f"{path}/start-review", etag=etag), second.post(f"{path}/return", REMARKS, etag=etag)
    )
    assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 412])
    files = await selection.world.rows("SELECT 1 FROM case_files")
    returned = await selection.world.rows("SELECT 1 FROM cases WHERE state = 'returned'")
    assert len(files) + len(returned) == 1


async def test_a_list_costs_the_same_for_more_rows(selection: Selection) -> None:
    await selection.drafted()
    with selection.world.counting() as one:
        await selection.editor.get("/v1/cases")
    for n in range(3):
        await selection.drafted(title=f"案例{n}（示例）")
    with selection.world.counting() as many:
        assert len((await selection.editor.get("/v1/cases")).json()["items"]) == 4
    assert len(many) == len(one)
