"""Membership and building stage: who moves a project, from where, with which reasons (Art. 3)."""

from uuid import uuid4

import pytest
from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from tests.projects.library import admitted, complete, done, drafted, errors, proposed
from tests.world import Actor, World

REASON = {"reason": "示例理由"}


async def actions(actor: Actor, path: str) -> dict[str, str | None]:
    shown = (await actor.get(path)).json()
    return {entry["action"]: entry["reason"] for entry in shown["allowed_actions"]}


async def test_a_project_goes_in_and_out_and_in_again(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    path = await drafted(editor, await complete(world))
    states = []
    for actor, action, body in (
        (editor, "propose", None),
        (office, "decline", REASON),
        (editor, "propose", None),
        (office, "admit", None),
        (editor, "leave", REASON),
        (editor, "re-enter", REASON),
        (office, "admit", None),
        (office, "leave", REASON),
    ):
        answer = await done(actor, path, action, body)
        states.append(answer.json()["membership"])
        assert answer.json() == (await actor.get(path)).json()
    assert states == ["proposed", "declined", "proposed", "in_library", "left", "proposed", "in_library", "left"]
    history = (await editor.get(f"{path}/history")).json()["items"]
    assert {change["action"] for change in history} == {
        *("create", "propose", "decline", "admit", "leave", "re-enter", "remove")
    }
    assert len(history) == 9
    decisions = (await editor.get(f"{path}/decisions")).json()["items"]
    assert sorted(decision["outcome"] for decision in decisions) == ["admitted", "admitted", "declined", "removed"]
    assert all(decision["decided_by"] == str(office.id) for decision in decisions)
    audited = await world.rows(
        "SELECT action FROM audit_entries WHERE resource_kind = 'project' AND outcome = 'done' ORDER BY action"
    )
    assert [row[0] for row in audited] == sorted(f"projects.{change['action']}" for change in history)
    assert len(await world.rows("SELECT 1 FROM outbox_events WHERE resource_kind = 'project'")) == 9


async def test_proposing_asks_for_the_four_facts(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = await drafted(
        editor, {"region_code": "152501", "name": "示例项目（示例）", "expected_benefits": {"jobs": 0}}
    )
    shown = await editor.get(path)
    facts = {"construction_content", "organisation_id", "expected_benefits", "primary_mode"}
    assert set(shown.json()["missing_facts"]) == facts
    refused = await editor.act(path, "propose")
    assert refused.status_code == 422
    assert errors(refused) == {(f"/{fact}", "required") for fact in facts}
    assert (await editor.get(path)).headers["etag"] == shown.headers["etag"]


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("propose", None),
        ("admit", None),
        ("decline", REASON),
        ("leave", REASON),
        ("re-enter", REASON),
        ("advance", {"to": "preparation"}),
        ("suspend", REASON),
    ],
)
async def test_acts_are_refused_in_order(world: World, action: str, body: dict[str, str] | None) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    other = await world.person((Role.REGION_EDITOR, "152502"))
    department = await world.person(
        (Role.LEAGUE_DEPARTMENT, await world.organisation(charge_modes=["ecological_agriculture"]))
    )
    path = await proposed(world, editor)
    who, stranger = (office, editor) if action in {"admit", "decline"} else (editor, department)
    wrong = None if body is None else {"to": "suspended"} if action == "advance" else {}
    assert (await who.client.post(f"{path}/{action}", json=body)).status_code == 400
    bare = {"Authorization": "", "Idempotency-Key": "k"}
    assert (await who.client.post(f"{path}/{action}", json=body, headers=bare)).status_code == 401
    assert (await stranger.post(f"{path}/{action}", wrong)).json()["code"] == "insufficient_scope"
    assert (await who.post(f"/v1/projects/{uuid4()}/{action}", wrong)).status_code == 404
    if who is editor:
        assert (await other.post(f"{path}/{action}", wrong)).status_code == 404
    if action in {"propose", "leave", "re-enter"}:
        state = await who.post(f"{path}/{action}", wrong)
        assert (state.status_code, state.json()["reason"]) == (409, "wrong_state")
        return
    assert (await who.post(f"{path}/{action}", wrong)).status_code == 428
    assert (await who.post(f"{path}/{action}", wrong, etag='"9.0123456789abcdef"')).status_code == 412
    if body is not None:
        assert (await who.act(path, action, wrong)).status_code == 422


async def test_who_proposed_does_not_admit(world: World) -> None:
    both = await world.person((Role.REGION_EDITOR, "152501"), Role.LEAGUE_OFFICE)
    office = await world.person(Role.LEAGUE_OFFICE)
    path = await proposed(world, both)
    # Staff of the region admits nothing of it; nor does who was its staff and proposed it.
    assert (await actions(both, path))["admit"] == "outside_grant"
    async with world.admin.administration() as session:
        await registry.lock(session, both.id)
        ended = "UPDATE grants SET state = 'ended', ended_at = granted_at, ended_by = person_id, reason = '示例'"
        await session.execute(text(f"{ended} WHERE person_id = :id AND region_code IS NOT NULL"), {"id": both.id})
    await world.renew(both)
    assert (await actions(both, path))["admit"] == "same_person"
    for action, body in (("admit", None), ("decline", REASON)):
        refused = await both.act(path, action, body)
        assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    await done(office, path, "admit")


async def test_allowed_actions_tell_what_is_possible(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    office = await world.person(Role.LEAGUE_OFFICE)
    approver = await world.person((Role.REGION_APPROVER, "152501"))
    path = await admitted(world, editor, office)
    assert await actions(editor, path) == {
        "update": None,
        "propose": "wrong_state",
        "admit": "scope_missing",
        "decline": "scope_missing",
        "leave": None,
        "re-enter": "wrong_state",
        "advance": None,
        "suspend": None,
    }
    assert await actions(office, path) == {
        "update": "scope_missing",
        "propose": "scope_missing",
        "admit": "wrong_state",
        "decline": "wrong_state",
        "leave": None,
        "re-enter": "scope_missing",
        "advance": "scope_missing",
        "suspend": "scope_missing",
    }
    assert set((await actions(approver, path)).values()) == {"scope_missing"}


async def test_the_stage_moves_apart_from_the_membership(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = await proposed(world, editor)
    await done(editor, path, "advance", {"to": "construction"})
    back = await editor.act(path, "advance", {"to": "reserve"})
    assert errors(back) == {("/reason", "required")}
    assert errors(await editor.act(path, "advance", {"to": "construction"})) == {("/to", "invalid_value")}
    assert errors(await editor.act(path, "suspend", {})) == {("/reason", "required")}
    await done(editor, path, "advance", {"to": "preparation", **REASON})
    await done(editor, path, "suspend", REASON)
    again = await editor.act(path, "suspend", REASON)
    assert (again.status_code, again.json()["reason"]) == (409, "wrong_state")
    answer = await done(editor, path, "advance", {"to": "reserve"})
    assert (answer.json()["building_stage"], answer.json()["membership"]) == ("reserve", "proposed")
    history = (await editor.get(f"{path}/history?limit=2")).json()
    assert history["next_cursor"] is not None
    stages = await world.rows(
        "SELECT changes->'building_stage'->>'after', reason FROM project_changes WHERE changes ? 'building_stage' "
        "AND action IN ('advance', 'suspend') ORDER BY id"
    )
    assert {tuple(stage) for stage in stages} == {
        ("construction", None),
        ("preparation", "示例理由"),
        ("suspended", "示例理由"),
        ("reserve", None),
    }


async def test_a_key_is_used_once(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    path = await drafted(editor, await complete(world))
    etag = (await editor.get(path)).headers["etag"]
    first = await editor.post(f"{path}/propose", key="once", etag=etag)
    again = await editor.post(f"{path}/propose", key="once", etag=etag)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert len((await editor.get(f"{path}/history")).json()["items"]) == 2
