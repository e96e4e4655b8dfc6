"""The life of a recusal, by each who may start it; what protects stands when it is acknowledged."""

import asyncio
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.models.identity import Role
from tests.declarations.scene import DECIDED, OTHER, REGION, Scene, application, decided, order, own, place

LIFTED = {"reason": "情形已消除（示例）"}


async def test_ones_own_takes_effect_at_once(scene: Scene) -> None:
    expert, seat = scene.expert, await scene.seat(scene.expert)
    before = await scene.world.rev(expert)
    made = await expert.post("/v1/recusals", own(), key="once")
    assert made.status_code == 201, made.text
    notice = made.json()
    assert (notice["subject_kind"], notice["subject_key"], notice["state"]) == ("region", REGION, "provisional")
    told = {"id", "subject_kind", "subject_key", "subject_name", "state", "since", "reason", "updated_at"}
    assert notice.keys() == told | {"legal_basis", "legal_basis_version"}
    assert await scene.walls(expert) == {f"region:{REGION}"}
    assert await scene.state(seat) == ("suspended", "sealed", True)
    [trace] = await scene.world.rows("SELECT * FROM audit_entries WHERE action = 'recusals.declare'")
    assert (trace.actor_id, str(trace.resource_id), trace.region_code) == (expert.id, notice["id"], REGION)
    assert trace.changes == {"state": "provisional"}
    assert await scene.world.rev(expert) > before
    assert (await expert.get("/v1/me")).status_code == 401
    await scene.world.renew(expert)
    assert (await expert.get(made.headers["location"])).json() == notice
    assert (await expert.get("/v1/me/recusals")).json()["items"] == [notice]
    again = await expert.post("/v1/recusals", own(), key="once")
    assert (again.status_code, again.json()) == (201, notice)
    assert len(await scene.world.rows("SELECT 1 FROM recusals")) == 1


async def test_all_of_it_is_one_transaction(scene: Scene) -> None:
    """Decision, wall, rev, assignment, sheet, file, notice, job, audit, event: written together or not at all."""
    seat = await scene.seat(scene.expert)
    recusal = await scene.applied(scene.expert, scene.editor, region_code=REGION)
    assert await scene.state(seat) == ("done", "submitted", False)
    await decided(scene.office, place(recusal), "in_force")
    written = await scene.world.rows(
        """
        SELECT 'decision' AS what, xmin::text AS made FROM recusal_decisions
        UNION ALL SELECT 'recusal', xmin::text FROM recusals
        UNION ALL SELECT 'wall', xmin::text FROM walls
        UNION ALL SELECT 'rev', xmin::text FROM principals WHERE id = :person
        UNION ALL SELECT 'assignment', xmin::text FROM assignments
        UNION ALL SELECT 'sheet', xmin::text FROM score_sheets
        UNION ALL SELECT 'file', xmin::text FROM appraisal_files
        UNION ALL SELECT 'notice', xmin::text FROM recusal_notices
        UNION ALL SELECT 'job', xmin::text FROM jobs WHERE kind = 'reviews.repair'
        UNION ALL SELECT 'audit', xmin::text FROM audit_entries WHERE action = 'recusals.decide'
        UNION ALL SELECT 'event', xmin::text FROM outbox_events WHERE type = 'recusals.decide'
        """,
        person=scene.expert.id,
    )
    assert len(written) == 11
    assert len({row.made for row in written}) == 1
    assert await scene.state(seat) == ("voided", "voided", True)


async def test_a_decision_that_fails_at_its_end_leaves_nothing(scene: Scene) -> None:
    seat = await scene.seat(scene.expert)
    recusal = await scene.applied(scene.expert, scene.editor, region_code=REGION)
    path, rev = place(recusal), await scene.world.rev(scene.expert)
    etag = (await scene.office.get(path)).headers["etag"]
    bad = await scene.office.post(f"{path}/decide", {"outcome": "in_force", "reason": "\x00"}, etag=etag)
    assert bad.status_code == 422
    assert await scene.state(seat) == ("done", "submitted", False)
    assert await scene.walls(scene.expert) == set()
    assert await scene.world.rev(scene.expert) == rev


async def test_a_new_token_has_no_review_scope_when_nothing_is_left(scene: Scene) -> None:
    world, expert = scene.world, scene.expert
    await expert.post("/v1/commitments", {"year": 2026, "text_version": 1})
    await world.renew(expert)
    await expert.post("/v1/declarations", {"year": 2026, "has_interests": False})
    await world.renew(expert)
    await scene.seat(expert)
    await scene.seat(expert, region=OTHER)
    assert "evaluations:review" in (await expert.get("/v1/me")).json()["scopes"]
    await scene.own(expert, region_code=REGION)
    assert "evaluations:review" in (await expert.get("/v1/me")).json()["scopes"]
    await scene.own(expert, region_code=OTHER)
    shown = (await expert.get("/v1/me")).json()
    assert "evaluations:review" not in shown["scopes"]
    reasons = {item["scope"]: item["reason"] for item in shown["missing_scopes"]}
    assert reasons["evaluations:review"] == "assignment_missing"


@pytest.mark.parametrize("how", ["interested_party", "informant"])
async def test_an_application_bars_nobody_until_it_is_decided(scene: Scene, how: str) -> None:
    expert, seat = scene.expert, await scene.seat(scene.expert)
    for _ in range(2):
        taken = await scene.editor.post("/v1/recusals", application(expert.id, how), key="once")
        assert (taken.status_code, taken.content) == (202, b"")
    assert await scene.walls(expert) == set()
    assert await scene.state(seat) == ("done", "submitted", False)
    assert (await expert.get("/v1/me")).status_code == 200
    assert (await expert.get("/v1/me/recusals")).json()["items"] == []
    [pending] = (await scene.office.get("/v1/recusals", params={"state": "pending"})).json()["items"]
    assert (pending["initiator"], pending["initiated_by"]) == (how, str(scene.editor.id))
    [gated] = await scene.world.rows(
        "SELECT gate.pending_on('152501', NULL) AS a, gate.pending_on('152502', NULL) AS b"
    )
    assert (gated.a, gated.b) == (True, False)
    path = place(pending["id"])
    assert (await decided(scene.office, path, "in_force"))["state"] == "in_force"
    assert await scene.walls(expert) == {f"region:{REGION}"}
    assert await scene.state(seat) == ("voided", "voided", True)
    assert (await expert.get("/v1/me")).status_code == 401
    await scene.world.renew(expert)
    [notice] = (await expert.get("/v1/me/recusals")).json()["items"]
    assert (notice["state"], notice["reason"]) == ("in_force", DECIDED["reason"])


async def test_a_rejected_application_is_never_felt(scene: Scene) -> None:
    expert, seat = scene.expert, await scene.seat(scene.expert)
    recusal = await scene.applied(expert, scene.editor, region_code=REGION)
    rev = await scene.world.rev(expert)
    assert (await decided(scene.office, place(recusal), "rejected"))["state"] == "rejected"
    assert (await scene.world.rev(expert), await scene.state(seat)) == (rev, ("done", "submitted", False))
    assert (await expert.get("/v1/me")).status_code == 200
    # A later recusal brings the notices up to date: the rejected one is still none of them.
    own_one = await scene.own(expert, region_code=OTHER)
    items = (await expert.get("/v1/me/recusals")).json()["items"]
    assert [item["id"] for item in items] == [str(own_one)]
    assert (await expert.get(f"/v1/me/recusals/{recusal}")).status_code == 404


async def test_an_order_is_provisional_and_decided_by_somebody_else(scene: Scene) -> None:
    expert, seat = scene.expert, await scene.seat(scene.expert)
    made = await scene.office.post("/v1/recusals", order(expert))
    assert made.status_code == 201, made.text
    assert (made.json()["state"], made.json()["initiator"]) == ("provisional", "ex_officio")
    path = made.headers["location"]
    assert (await scene.office.get(path)).json() == made.json()
    assert await scene.state(seat) == ("suspended", "sealed", True)
    [gated] = await scene.world.rows("SELECT gate.pending_on('152501', NULL) AS yes")
    assert gated.yes
    actions = {a["action"]: a["reason"] for a in made.json()["allowed_actions"]}
    assert actions == {"decide": "same_person", "lift": "wrong_state"}
    refused = await scene.office.act(path, "decide", {"outcome": "in_force", **DECIDED})
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    shown = await decided(scene.second, path, "in_force")
    assert [(d["outcome"], d["decided_by"]) for d in shown["decisions"]] == [("in_force", str(scene.second.id))]
    assert await scene.state(seat) == ("voided", "voided", True)
    again = await scene.inspector.act(path, "decide", {"outcome": "rejected", **DECIDED})
    assert (again.status_code, again.json()["code"]) == (409, "state_conflict")


@pytest.mark.parametrize("state", ["invited", "accepted", "declared", "done"])
async def test_a_rejected_one_resumes_what_it_suspended(scene: Scene, state: str) -> None:
    expert, seat = scene.expert, await scene.seat(scene.expert, state=state)
    before = await scene.state(seat)
    path = await scene.order(expert)
    assert (await scene.state(seat))[0] == "suspended"
    await decided(scene.second, path, "rejected")
    assert (await scene.state(seat))[:2] == before[:2]
    assert await scene.walls(expert) == set()
    await scene.world.renew(expert)
    [notice] = (await expert.get("/v1/me/recusals")).json()["items"]
    assert (notice["state"], notice["reason"]) == ("rejected", DECIDED["reason"])


async def test_lifting_takes_two_and_brings_nothing_void_back(scene: Scene) -> None:
    expert, seat = scene.expert, await scene.seat(scene.expert)
    path = await scene.order(expert)
    early = await scene.second.act(path, "lift", LIFTED)
    assert (early.status_code, early.json()["code"]) == (409, "state_conflict")
    await decided(scene.second, path, "in_force")
    rev = await scene.world.rev(expert)
    proposed = await scene.second.act(path, "lift", LIFTED)
    assert (proposed.status_code, proposed.json()["state"]) == (200, "in_force")
    assert await scene.world.rev(expert) == rev
    alone = await scene.second.act(path, "lift", LIFTED)
    assert (alone.status_code, alone.json()["code"]) == (409, "four_eyes")
    assert await scene.walls(expert) == {f"region:{REGION}"}
    lifted = await scene.inspector.act(path, "lift", LIFTED)
    assert (lifted.status_code, lifted.json()["state"]) == (200, "lifted")
    assert [d["outcome"] for d in lifted.json()["decisions"]] == ["in_force", "lift_proposed", "lifted"]
    assert await scene.walls(expert) == set()
    assert (await scene.state(seat))[:2] == ("voided", "voided")
    changes = await scene.world.rows("SELECT changes FROM audit_entries WHERE action = 'recusals.lift'")
    assert sorted(row.changes["outcome"] for row in changes) == ["lifted", "proposed"]


async def test_a_proposal_by_who_is_recused_meanwhile_is_none(scene: Scene) -> None:
    path = await scene.order(scene.expert)
    await decided(scene.second, path, "in_force")
    assert (await scene.second.act(path, "lift", LIFTED)).status_code == 200
    await scene.own(scene.second)
    again = await scene.inspector.act(path, "lift", LIFTED)
    assert (again.status_code, again.json()["state"]) == (200, "in_force")
    assert await scene.walls(scene.expert) == {f"region:{REGION}"}
    assert (await scene.office.act(path, "lift", LIFTED)).json()["state"] == "lifted"


async def test_several_on_one_subject_stand_each_by_itself(scene: Scene) -> None:
    expert, seat = scene.expert, await scene.seat(scene.expert)
    first = await scene.own(expert)
    second = await scene.order(expert)
    await decided(scene.office, place(first), "in_force")
    await scene.office.act(place(first), "lift", LIFTED)
    assert (await scene.second.act(place(first), "lift", LIFTED)).json()["state"] == "lifted"
    assert await scene.walls(expert) == {f"region:{REGION}"}
    assert (await scene.state(seat))[0] == "voided"
    await decided(scene.second, second, "rejected")
    assert await scene.walls(expert) == set()


async def test_an_office_that_is_recused_later_leaves_no_appraisal_behind(scene: Scene) -> None:
    seat = await scene.seat(scene.expert, appraised_by=scene.office.id)
    await scene.own(scene.office)
    [file] = await scene.world.rows("SELECT * FROM appraisal_files WHERE id = :id", id=seat.file)
    assert (file.state, file.stale, file.appraisal_score, file.appraised_by) == ("under_review", True, None, None)
    assert [(v["state"], v["score"], v["appraised_by"]) for v in file.voided] == [
        ("appraised", "9.0000", str(scene.office.id))
    ]
    assert await scene.world.rows(
        "SELECT 1 FROM jobs WHERE kind = 'evaluations.settle' AND payload->>'subject_id' = :id", id=str(seat.evaluation)
    )
    await scene.own(scene.office, region_code=OTHER)
    [same] = await scene.world.rows("SELECT version FROM appraisal_files WHERE id = :id", id=seat.file)
    assert same.version == file.version


async def test_refusals_come_in_order(scene: Scene, http: AsyncClient) -> None:
    auditor = await scene.world.person(Role.AUDITOR)
    path = await scene.order(scene.expert)
    assert (await http.post("/v1/recusals", headers={"Idempotency-Key": "k"}, json={})).status_code == 401
    assert (await http.get("/v1/recusals")).status_code == 401
    assert (await http.get("/v1/me/recusals")).status_code == 401
    assert (await auditor.post("/v1/recusals", {"nonsense": 1})).json()["code"] == "insufficient_scope"
    for outsider in (scene.expert, scene.editor, auditor):
        assert (await outsider.get("/v1/recusals")).json()["code"] == "insufficient_scope"
        assert (await outsider.get(path)).json()["code"] == "insufficient_scope"
        for action in ("decide", "lift"):
            refused = await outsider.post(f"{path}/{action}", {"nonsense": 1})
            assert refused.json()["code"] == "insufficient_scope"
    for action in ("decide", "lift"):
        assert (await scene.second.post(f"{place(uuid4())}/{action}", {"nonsense": 1})).status_code == 404
        assert (await scene.second.post(f"/v1/recusals/nonsense/{action}", {"nonsense": 1})).status_code == 404
    assert (await scene.second.post(f"{path}/lift", {"nonsense": 1})).json()["code"] == "state_conflict"
    assert (await scene.second.post(f"{path}/decide", {"nonsense": 1})).status_code == 428
    assert (await scene.second.post(f"{path}/decide", {}, etag='"7.0123456789abcdef"')).status_code == 412
    refused = await scene.second.act(path, "decide", {"nonsense": 1, "reason": "x", "outcome": "lifted"})
    assert {error["pointer"] for error in refused.json()["errors"]} == {"/reason", "/nonsense", "/outcome"}
    assert await scene.world.rows(
        "SELECT 1 FROM audit_entries WHERE outcome = 'denied' AND actor_id = :id", id=scene.expert.id
    )


async def test_who_and_from_what_is_checked(scene: Scene) -> None:
    office, expert = scene.office, scene.expert
    two = {"region_code": REGION, "organisation_id": str(uuid4())}
    nothing = {key: value for key, value in own().items() if key != "region_code"}
    for by, body, errors in (
        (office, {**order(expert), "region_code": None}, {("/region_code", "required")}),
        (office, order(expert, **two), {("/organisation_id", "too_many")}),
        (office, {**order(expert), "person_id": None}, {("/person_id", "required")}),
        (office, application(office.id), {("/person_id", "invalid_value")}),
        (expert, {**own(), "person_id": str(office.id)}, {("/person_id", "invalid_value")}),
        (expert, nothing, {("/region_code", "required")}),
        (expert, {**own(), "relation_code": "nonsense"}, {("/relation_code", "unknown_reference")}),
        (expert, own(region_code="999999"), {("/region_code", "unknown_reference")}),
        (office, order(expert, organisation_id=str(uuid4())), {("/organisation_id", "unknown_reference")}),
        (office, {**order(expert), "person_id": str(uuid4())}, {("/person_id", "unknown_reference")}),
    ):
        refused = await by.post("/v1/recusals", body)
        assert refused.status_code == 422, refused.text
        assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == errors
    oneself = await office.post("/v1/recusals", {**order(office)})
    assert (oneself.status_code, oneself.json()["code"], oneself.json()["reason"]) == (
        409,
        "four_eyes",
        "same_person",
    )
    assert await scene.world.rows("SELECT 1 FROM recusals") == []
    # One's own may name oneself.
    assert (await expert.post("/v1/recusals", {**own(), "person_id": str(expert.id)})).status_code == 201


async def test_a_legal_basis_that_is_unknown_decides_nothing(scene: Scene) -> None:
    path = await scene.order(scene.expert)
    unknown = {"reason": "情况属实（示例）", "legal_basis": "no_such_basis"}
    refused = await scene.second.act(path, "decide", {"outcome": "in_force", **unknown})
    assert [(x["pointer"], x["code"]) for x in refused.json()["errors"]] == [("/legal_basis", "unknown_reference")]
    await decided(scene.second, path, "in_force")
    refused = await scene.second.act(path, "lift", unknown)
    assert [(x["pointer"], x["code"]) for x in refused.json()["errors"]] == [("/legal_basis", "unknown_reference")]
    assert len((await scene.second.get(path)).json()["decisions"]) == 1
    assert await scene.world.rows("SELECT 1 FROM audit_entries WHERE action = 'recusals.lift'") == []


async def test_who_is_recused_orders_nothing_there_whatever_else_they_are(scene: Scene) -> None:
    """Staff of another region, too: the refusal names the recusal, not the grant."""
    both = await scene.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, OTHER))
    outside = await both.post("/v1/recusals", order(scene.expert, region_code=OTHER))
    assert (outside.status_code, outside.json()["code"]) == (403, "forbidden")
    await scene.own(both)
    refused = await both.post("/v1/recusals", order(scene.expert))
    assert (refused.status_code, refused.json()["code"]) == (403, "recused")


async def test_two_who_decide_at_once_decide_once(scene: Scene) -> None:
    path = await scene.order(scene.expert)
    etag = (await scene.second.get(path)).headers["etag"]
    answers = await asyncio.gather(
        scene.second.post(f"{path}/decide", {"outcome": "in_force", **DECIDED}, etag=etag),
        scene.inspector.post(f"{path}/decide", {"outcome": "rejected", **DECIDED}, etag=etag),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await scene.world.rows("SELECT 1 FROM recusal_decisions")) == 1


async def test_lists_are_paged_and_cost_the_same(scene: Scene) -> None:
    codes = [REGION, OTHER, "152522", "152523", "152524"]
    await scene.order(scene.expert, region_code=codes[0])
    with scene.world.counting() as few:
        await scene.second.get("/v1/recusals")
    for code in codes[1:]:
        await scene.order(scene.expert, region_code=code)
    with scene.world.counting() as many:
        whole = (await scene.second.get("/v1/recusals", params={"include_total": False})).json()["items"]
    assert (len(whole), len(many)) == (5, len(few))
    first = (await scene.second.get("/v1/recusals", params={"limit": 3})).json()
    rest = (await scene.second.get("/v1/recusals", params={"limit": 3, "cursor": first["next_cursor"]})).json()
    assert [*first["items"], *rest["items"]] == whole
    assert {item["person_name"] for item in whole} == {"示例人员"}
    own_pages = (await scene.expert.get("/v1/me/recusals", params={"limit": 2, "state": "provisional"})).json()
    assert len(own_pages["items"]) == 2
    assert own_pages["next_cursor"]
