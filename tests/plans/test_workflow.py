"""A plan's way: submit, send back, sign, file, return, amend; four eyes on each step."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from tests.plans.scene import ITEMS, OTHER, REGION, REMARKS, SIGNATURE, Scene, done, etag_of, make_scene
from tests.world import Actor, World

ACTIONS: dict[str, Any] = {
    "submit": None,
    "send-back": {"reason": "请核对（示例）"},
    "sign": SIGNATURE,
    "file": None,
    "return": REMARKS,
    "amend": {"reason": "指标调整（示例）"},
}


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def trail(scene: Scene, path: str, *actions: str) -> list[tuple[str, str]]:
    rows = await scene.world.rows(
        "SELECT action, outcome, changes->'state'->>'before' AS before, changes->'state'->>'after' AS after"
        " FROM audit_entries WHERE resource_id = :id AND action = ANY(:actions)",
        id=path.rsplit("/", 1)[1],
        actions=[f"plans.{action}" for action in actions],
    )
    assert all(row.outcome == "done" for row in rows)
    events = await scene.world.rows(
        "SELECT type FROM outbox_events WHERE resource_id = :id AND type = ANY(:actions)",
        id=path.rsplit("/", 1)[1],
        actions=[f"plans.{action}" for action in actions],
    )
    assert sorted(event.type for event in events) == sorted(row.action for row in rows)
    return sorted((row.before, row.after) for row in rows)


async def test_the_whole_way(scene: Scene) -> None:
    path = await scene.plan()
    submitted = await done(scene.editor, path, "submit")
    assert (submitted["state"], submitted["submitted_by"]) == ("awaiting_signature", str(scene.editor.id))
    signed = await done(scene.approver, path, "sign", SIGNATURE)
    assert (signed["state"], signed["latest"]["number"]) == ("submitted", 1)
    assert signed["latest"]["document_number"] == SIGNATURE["document_number"]
    filed = await done(scene.office, path, "file")
    assert (filed["state"], filed["filing"]["filing_number"]) == ("filed", "两山备〔2026〕1号")
    amending = await done(scene.editor, path, "amend", ACTIONS["amend"])
    assert (amending["state"], amending["amendment_reason"]) == ("amending", "指标调整（示例）")
    # It stays filed as it was until the next filing.
    assert amending["filing"]["filing_number"] == "两山备〔2026〕1号"
    await done(scene.editor, path, "submit")
    await done(scene.approver, path, "sign", SIGNATURE)
    again = await done(scene.office, path, "file")
    assert (again["filing"]["filing_number"], again["filing"]["version_number"]) == ("两山备〔2026〕2号", 2)
    assert again["amendment_reason"] == "指标调整（示例）"
    assert await trail(scene, path, "submit", "sign", "file", "amend") == sorted(
        [
            ("draft", "awaiting_signature"),
            ("awaiting_signature", "submitted"),
            ("submitted", "filed"),
            ("filed", "amending"),
            ("amending", "awaiting_signature"),
            ("awaiting_signature", "submitted"),
            ("submitted", "filed"),
        ]
    )


async def test_submit_points_to_every_missing_part(scene: Scene) -> None:
    path = await scene.plan(complete=False)
    refused = await scene.editor.act(path, "submit")
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_failed")
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == {
        ("/resource_assessment", "required"),
        *((f"/{section}", "too_few") for section in ITEMS),
    }
    etag = await etag_of(scene.editor, path)
    await scene.editor.patch(path, {"resource_assessment": "草原（示例）"}, etag=etag)
    for section, body in ITEMS.items():
        refused = await scene.editor.act(path, "submit")
        assert f"/{section}" in {error["pointer"] for error in refused.json()["errors"]}
        await scene.editor.post(f"{path}/{section}", body)
    assert (await scene.editor.get(path)).json()["missing"] == []
    await done(scene.editor, path, "submit")


async def test_return_for_completion_and_send_again(scene: Scene) -> None:
    path = await scene.submitted()
    content = (await scene.office.get(f"{path}/versions/1")).json()["content"]
    task = content["tasks"][0]["id"]
    body: dict[str, Any] = {
        "note": "请补正后重报（示例）",
        "remarks": [
            {"section": "tasks", "item_id": task, "text": "请写明责任单位（示例）"},
            {"section": "overview", "text": "请补写总体思路（示例）"},
        ],
    }
    returned = await done(scene.office, path, "return", body)
    assert (returned["state"], returned["filing"]) == ("returned", None)
    [answer] = (await scene.editor.get(f"{path}/filings")).json()["items"]
    assert (answer["outcome"], answer["filing_number"], answer["note"]) == ("returned", None, body["note"])
    assert answer["remarks"] == [body["remarks"][0], {**body["remarks"][1], "item_id": None}]
    # The working copy may be changed again; the office goes on reading what was sent.
    [item] = (await scene.editor.get(f"{path}/tasks")).json()["items"]
    location = f"{path}/tasks/{item['id']}"
    changed = await scene.editor.patch(location, {"title": "补正（示例）"}, etag=await etag_of(scene.editor, location))
    assert changed.status_code == 200
    assert (await scene.office.get(location)).json()["title"] == item["title"]
    await done(scene.editor, path, "submit")
    await done(scene.approver, path, "sign", SIGNATURE)
    assert (await scene.office.get(location)).json()["title"] == "补正（示例）"
    await done(scene.office, path, "file")
    answers = (await scene.office.get(f"{path}/filings")).json()["items"]
    assert [(item["version_number"], item["outcome"]) for item in answers] == [(2, "filed"), (1, "returned")]
    assert await trail(scene, path, "return") == [("submitted", "returned")]


@pytest.mark.parametrize(
    ("remarks", "pointer"),
    [
        ([], "/remarks"),
        (None, "/remarks"),
        ([{"section": "budget", "text": "没有（示例）"}], "/remarks/0/section"),
        ([{"section": "tasks", "text": ""}], "/remarks/0/text"),
        ([{"section": "tasks", "item_id": str(uuid4()), "text": "没有（示例）"}], "/remarks/0/item_id"),
        (
            [REMARKS["remarks"][0], {"section": "overview", "item_id": str(uuid4()), "text": "不是（示例）"}],
            "/remarks/1/item_id",
        ),
    ],
)
async def test_remarks_that_are_refused(scene: Scene, remarks: Any, pointer: str) -> None:
    path = await scene.submitted()
    refused = await scene.office.act(path, "return", {"remarks": remarks})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == pointer
    assert (await scene.office.get(path)).json()["state"] == "submitted"
    assert await scene.world.rows("SELECT 1 FROM plan_filings") == []


async def test_a_remark_on_an_item_of_another_section_is_refused(scene: Scene) -> None:
    path = await scene.submitted()
    task = (await scene.office.get(f"{path}/tasks")).json()["items"][0]["id"]
    remarks = [{"section": "targets", "item_id": task, "text": "错位（示例）"}]
    refused = await scene.office.act(path, "return", {"remarks": remarks})
    assert refused.json()["errors"][0]["pointer"] == "/remarks/0/item_id"


async def test_send_back_goes_where_it_came_from(scene: Scene) -> None:
    async def back(path: str) -> str:
        await done(scene.editor, path, "submit")
        shown = await done(scene.approver, path, "send-back", ACTIONS["send-back"])
        assert (shown["submitted_by"], shown["send_back_reason"]) == (None, "请核对（示例）")
        return str(shown["state"])

    path = await scene.plan()
    assert await back(path) == "draft"
    resubmitted = await done(scene.editor, path, "submit")
    assert resubmitted["send_back_reason"] is None
    await done(scene.approver, path, "sign", SIGNATURE)
    await done(scene.office, path, "return", REMARKS)
    assert await back(path) == "returned"
    await done(scene.editor, path, "submit")
    await done(scene.approver, path, "sign", SIGNATURE)
    await done(scene.office, path, "file")
    await done(scene.editor, path, "amend", ACTIONS["amend"])
    assert await back(path) == "amending"
    [reason] = {
        row.reason
        for row in await scene.world.rows("SELECT reason FROM audit_entries WHERE action = 'plans.send_back'")
    }
    assert reason == "请核对（示例）"


async def test_an_editor_who_is_approver_too_cannot_sign_own_work(scene: Scene) -> None:
    both = await scene.world.person((Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, REGION))
    path = await scene.plan(editor=both)
    await done(both, path, "submit")
    shown = (await both.get(path)).json()
    assert {"action": "sign", "allowed": False, "reason": "same_person"}.items() <= {
        action["action"]: action for action in shown["allowed_actions"]
    }["sign"].items()
    refused = await both.act(path, "sign", SIGNATURE)
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    [denied] = await scene.world.rows("SELECT actor_id, reason FROM audit_entries WHERE outcome = 'denied'")
    assert tuple(denied) == (both.id, "same_person")
    # Sending it back is no approval.
    await done(both, path, "send-back", ACTIONS["send-back"])
    await done(scene.editor, path, "submit")
    assert (await done(both, path, "sign", SIGNATURE))["state"] == "submitted"


async def test_editor_here_and_approver_there_signs_nothing_here(scene: Scene) -> None:
    both = await scene.world.person((Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, OTHER))
    path = await scene.plan()
    await done(scene.editor, path, "submit")
    for action in ("sign", "send-back"):
        refused = await both.act(path, action, ACTIONS[action])
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    editor_there = await scene.world.person((Role.REGION_EDITOR, OTHER))
    there = await scene.plan(region=OTHER, editor=editor_there)
    assert (await both.act(there, "submit")).status_code == 403
    assert (await both.patch(there, {}, etag=await etag_of(both, there))).status_code == 403
    assert (await both.post(f"{there}/tasks", ITEMS["tasks"])).status_code == 403
    task = (await both.get(f"{there}/tasks")).json()["items"][0]["id"]
    assert (await both.delete(f"{there}/tasks/{task}")).status_code == 403


async def left_the_region(scene: Scene, officer: Actor) -> None:
    async with scene.world.admin.administration() as session:
        await registry.lock(session, officer.id)
        await session.execute(
            text(
                "UPDATE grants SET state = 'ended', ended_at = granted_at, ended_by = person_id, reason = '示例'"
                " WHERE person_id = :person AND region_code IS NOT NULL"
            ),
            {"person": officer.id},
        )
    await scene.world.renew(officer)


async def test_who_submitted_or_signed_does_not_file(scene: Scene) -> None:
    submitter = await scene.world.person((Role.REGION_EDITOR, REGION), Role.LEAGUE_OFFICE)
    signer = await scene.world.person((Role.REGION_APPROVER, REGION), Role.LEAGUE_OFFICE)
    path = await scene.plan()
    await done(submitter, path, "submit")
    await done(signer, path, "sign", SIGNATURE)
    for officer in (submitter, signer):
        # Staff of the region handles nothing of it for the league; nor does who was its staff and had a hand in it.
        assert (await officer.act(path, "file")).json()["reason"] == "outside_grant"
        await left_the_region(scene, officer)
        for action in ("file", "return"):
            refused = await officer.act(path, action, ACTIONS[action])
            assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes"), action
    await done(scene.office, path, "return", REMARKS)
    # A hand in an earlier version is a hand in the plan.
    await done(scene.editor, path, "submit")
    await done(scene.approver, path, "sign", SIGNATURE)
    assert (await submitter.act(path, "file")).json()["code"] == "four_eyes"
    assert (await signer.act(path, "file")).json()["code"] == "four_eyes"
    assert await scene.world.rows("SELECT 1 FROM plan_filings WHERE outcome = 'filed'") == []
    await done(scene.office, path, "file")


async def test_roles_do_only_their_own_steps(scene: Scene) -> None:
    committee = await scene.world.person(Role.LEAGUE_COMMITTEE)
    path = await scene.submitted()
    everybody: list[tuple[Actor, set[str]]] = [
        (scene.editor, {"submit", "amend"}),
        (scene.approver, {"sign", "send-back"}),
        (scene.office, {"file", "return"}),
        (committee, set()),
    ]
    for actor, own in everybody:
        for action, body in ACTIONS.items():
            if action not in own:
                refused = await actor.act(path, action, body)
                assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope"), action
    assert (await scene.office.get(path)).json()["state"] == "submitted"


@pytest.mark.parametrize("action", ACTIONS)
async def test_transitions_refuse_in_order(scene: Scene, action: str) -> None:
    actor = {"submit": scene.editor, "amend": scene.editor, "file": scene.office, "return": scene.office}.get(
        action, scene.approver
    )
    outsider = await scene.world.person((Role.REGION_EDITOR, OTHER), (Role.REGION_APPROVER, OTHER))
    path = await scene.filed() if action == "amend" else await scene.submitted()
    if action == "submit":
        path = await scene.plan()
    if action in {"sign", "send-back"}:
        path = await scene.plan()
        await done(scene.editor, path, "submit")
    url, bad = f"{path}/{action}", None if ACTIONS[action] is None else {"nonsense": 1}
    assert (await actor.client.post(url, json={})).json()["code"] == "idempotency_key_missing"
    assert (await actor.post(url, headers={"Authorization": ""})).status_code == 401
    if action not in {"file", "return"}:
        assert (await outsider.post(url, bad)).status_code == 404
    assert (await actor.post(f"/v1/plans/{uuid4()}/{action}", bad)).status_code == 404
    assert (await actor.post(url, bad)).status_code == 428
    assert (await actor.post(url, bad, etag='"99.0123456789abcdef"')).status_code == 412
    etag = await etag_of(actor, path)
    if bad:
        refused = await actor.post(url, bad, etag=etag)
        assert (refused.status_code, refused.json()["errors"][-1]["code"]) == (422, "unknown_field")
    moved = await actor.post(url, ACTIONS[action], etag=etag, key="once")
    assert moved.status_code == 200, moved.text
    # The key's act is not done twice, though the state and the version have moved on.
    replayed = await actor.post(url, ACTIONS[action], etag=etag, key="once")
    assert (replayed.status_code, replayed.json()) == (200, moved.json())
    assert replayed.headers["idempotent-replayed"] == "true"
    assert replayed.headers["etag"] == moved.headers["etag"]
    late = await actor.post(url, bad, etag=etag)
    assert (late.status_code, late.json()["code"]) == (409, "state_conflict")
    assert len(await trail(scene, path, action.replace("-", "_"))) == 1
