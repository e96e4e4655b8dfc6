"""Appraisal, grade, approval: who may, in which state, with what in the way; and what the region is told at last."""

from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from tests.evaluations.scene import APPRAISAL, CODES, OTHER, REGION, SECRET, Year, done, etag_of, make_year, promise
from tests.world import World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


def actions(shown: dict[str, Any]) -> dict[str, str | None]:
    return {action["action"]: action["reason"] for action in shown["allowed_actions"]}


async def test_each_act_waits_for_the_one_before(year: Year) -> None:
    file = await year.drawn()
    shown = (await year.committee.get(file)).json()
    assert (shown["state"], shown["panel"]["state"], shown["result"]) == ("under_review", "reviewing", None)
    assert actions(shown) == {"appraise": "panel_incomplete", "grade": "scope_missing", "approve": "wrong_state"}
    refused = await year.committee.act(file, "appraise", APPRAISAL)
    assert (refused.status_code, refused.json()["reason"]) == (409, "panel_incomplete")
    for seat, score in zip(await year.seats(file), ("80", "85", "90"), strict=True):
        await year.score(seat, score)
    await year.world.drain()
    assert (await year.office.act(file, "grade")).json()["reason"] == "wrong_state"
    assert (await year.committee.act(file, "approve")).json()["reason"] == "wrong_state"
    appraised = await done(year.committee, file, "appraise", APPRAISAL)
    assert (appraised["appraisal_score"], appraised["appraised_by"]) == ("90", str(year.committee.id))
    assert (await year.leader.act(file, "appraise", APPRAISAL)).json()["reason"] == "wrong_state"
    assert (await year.office.get(f"{file}/explanation")).status_code == 404
    await year.grade(file)
    # 0.7 × 85 + 0.3 × 90
    assert (await year.office.get(file)).json()["result"]["total"] == "86.5000"
    assert (await year.office.act(file, "grade")).json()["reason"] == "wrong_state"
    refused = await year.committee.act(file, "approve")
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    approved = await done(year.leader, file, "approve")
    assert (approved["state"], approved["approved_by"]) == ("approved", str(year.leader.id))


@pytest.mark.parametrize("action", ["appraise", "grade", "approve"])
async def test_acts_refuse_in_order(year: Year, action: str, http: AsyncClient) -> None:
    file = await (year.reviewed() if action == "appraise" else year.appraised() if action == "grade" else year.graded())
    actor = {"appraise": year.committee, "grade": year.office, "approve": year.leader}[action]
    body, bad = (APPRAISAL, {"nonsense": 1}) if action == "appraise" else (None, None)
    url = f"{file}/{action}"
    assert (await actor.client.post(url)).json()["code"] == "idempotency_key_missing"
    assert (await http.post(url, headers={"Idempotency-Key": "k"})).status_code == 401
    inspector = await year.world.person(Role.DISCIPLINE_INSPECTOR)
    for stranger in (year.editor, year.approver, inspector, year.review.experts[0]):
        await year.world.renew(stranger)
        assert (await stranger.post(url, bad)).json()["code"] == "insufficient_scope"
    assert (await actor.post(f"/v1/appraisal-files/{uuid4()}/{action}", bad)).status_code == 404
    assert (await actor.post(url, bad)).status_code == 428
    assert (await actor.post(url, bad, etag='"99.0123456789abcdef"')).status_code == 412
    etag = await etag_of(actor, file)
    if bad:
        assert (await actor.post(url, bad, etag=etag)).status_code == 422
        for score in ("100.01", "-1", "abc", "1e2", 86.5, None):
            refused = await actor.post(url, {**APPRAISAL, "score": score}, etag=etag)
            assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/score"), score
        assert (await actor.post(url, {"score": "90"}, etag=etag)).json()["errors"][0]["pointer"] == "/reason"
    moved = await actor.post(url, body, etag=etag, key="once")
    assert moved.status_code == (202 if action == "grade" else 200), moved.text
    assert (await actor.post(url, body, etag=etag, key="once")).headers["idempotent-replayed"] == "true"
    await year.world.drain()
    late = await actor.post(url, body, etag=etag)
    assert (late.status_code, late.json()["code"]) == (409, "state_conflict")


async def test_judging_is_earned_by_commitment_and_declaration(year: Year) -> None:
    file = await year.reviewed()
    newcomer = await year.world.person(Role.LEAGUE_COMMITTEE)
    assert (await newcomer.get(file)).status_code == 200
    refused = await newcomer.act(file, "appraise", APPRAISAL)
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    await promise(year.world, newcomer)
    await done(newcomer, file, "appraise", APPRAISAL)
    await year.grade(file)
    # The office appraises, too, but does not approve.
    assert (await year.office.act(file, "approve")).json()["code"] == "insufficient_scope"
    unpromised = await year.world.person(Role.LEAGUE_COMMITTEE)
    assert (await unpromised.act(file, "approve")).json()["code"] == "insufficient_scope"


async def test_who_had_a_hand_in_the_self_evaluation_judges_nothing_of_it(year: Year) -> None:
    """Though no longer of the region's staff."""
    path = await year.filled()
    turncoat = await year.world.person((Role.REGION_EDITOR, REGION), Role.LEAGUE_COMMITTEE)
    await done(turncoat, path, "submit")
    await done(year.approver, path, "sign")
    async with year.world.admin.administration() as session:
        await registry.lock(session, turncoat.id)
        ended = (
            "UPDATE grants SET state = 'ended', ended_at = now(), reason = '示例' WHERE person_id = :p AND role = :r"
        )
        await session.execute(text(ended), {"p": turncoat.id, "r": "region_editor"})
    await promise(year.world, turncoat)
    shown = await done(year.office, path, "accept")
    file = f"/v1/appraisal-files/{shown['appraisal_file_id']}"
    await year.seed()
    assert (await year.office.post(f"/v1/panels/{await year.panel(file)}/draw")).status_code == 202
    await year.world.drain()
    for seat in await year.seats(file):
        await year.score(seat, "80")
    await year.world.drain()
    refused = await turncoat.act(file, "appraise", APPRAISAL)
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")


async def test_an_application_for_recusal_holds_everything_up_until_it_is_decided(year: Year) -> None:
    file = await year.reviewed()
    [seat, *_] = await year.seats(file)

    async def apply() -> str:
        body = {
            "initiator": "interested_party",
            "person_id": str(seat[0].id),
            "region_code": REGION,
            "relation_code": "kinship",
            "statement": "据反映有亲属关系（示例）",
        }
        # Each time somebody else: what one has said before, and was rejected, holds nothing up.
        applicant = await year.world.person((Role.REGION_EDITOR, OTHER))
        assert (await applicant.post("/v1/recusals", body)).status_code == 202
        [pending] = (await year.leader.get("/v1/recusals?state=pending")).json()["items"]
        return f"/v1/recusals/{pending['id']}"

    async def reject(recusal: str) -> None:
        decision = {"outcome": "rejected", "reason": "所述情形不属于回避事由（示例）"}
        await done(year.leader, recusal, "decide", decision)

    for actor, action, body in (
        (year.committee, "appraise", APPRAISAL),
        (year.office, "grade", None),
        (year.leader, "approve", None),
    ):
        recusal = await apply()
        refused = await actor.act(file, action, body)
        assert (refused.status_code, refused.json()["reason"]) == (409, "application_pending"), action
        assert actions((await actor.get(file)).json())[action] == "application_pending"
        await reject(recusal)
        assert (await actor.act(file, action, body)).status_code in {200, 202}
        await year.world.drain()
    assert (await year.row(file)).state == "approved"
    # Nor is anything published meanwhile.
    await year.close()
    recusal = await apply()
    assert await year.publish() == []
    await reject(recusal)
    await year.world.drain()
    assert len(await year.publish()) == 1


async def test_a_grade_asked_for_too_early_is_not_given_by_the_worker(year: Year) -> None:
    """What was in nobody's way when it was asked for may be when it is done."""
    file = await year.appraised()
    assert (await year.office.act(file, "grade")).status_code == 202
    informed = {
        "initiator": "informant",
        "person_id": str((await year.seats(file))[0][0].id),
        "region_code": REGION,
        "relation_code": "kinship",
        "statement": "据反映（示例）",
    }
    assert (await year.editor.post("/v1/recusals", informed)).status_code == 202
    await year.world.drain()
    assert (await year.results(file), (await year.row(file)).state) == ([], "appraised")


async def test_the_region_is_told_with_the_publication_and_not_before(year: Year) -> None:
    path, file = await year.accepted()
    assert (await year.editor.get(path)).json()["appraisal_file_id"] is None
    assert (await year.office.post(f"/v1/panels/{await year.panel(file)}/draw")).status_code == 202
    await year.world.drain()
    for seat in await year.seats(file):
        await year.score(seat, SECRET)
    await year.world.drain()
    await done(year.committee, file, "appraise", APPRAISAL)
    await year.grade(file)
    await done(year.leader, file, "approve")
    before = await year.editor.get(path)
    assert (await year.editor.get(f"{file}/explanation")).status_code == 404
    await year.close()
    await year.publish()
    after = await year.editor.get(path)
    assert after.json()["appraisal_file_id"] == file.rsplit("/", 1)[1]
    # Judgement never moves the dossier's own version.
    assert after.json()["version"] == before.json()["version"]
    for actor in (year.editor, year.approver):
        assert (await actor.get(file)).status_code == 404
        assert (await actor.get("/v1/appraisal-files")).json()["items"] == []
        told = await actor.get(f"{file}/explanation")
        assert told.status_code == 200
        explanation = told.json()
        assert explanation["sheets"] == [{"scores": dict.fromkeys(CODES, SECRET), "worth": SECRET}] * 3
        assert explanation["inputs"][2] == {"criterion_code": "grassland", "reported_value": "95.50"}
        # Neither seat, author, time, reason nor number of ours.
        assert explanation.keys() == {
            "region_code",
            "assessment_year",
            "scheme",
            "inputs",
            "sheets",
            "appraisal",
            "total",
            "grade",
            "grade_name",
        }
        for person in (*year.review.experts, year.committee):
            assert str(person.id) not in told.text
        assert APPRAISAL["reason"] not in told.text
    other, _ = await year.staff(OTHER)
    assert (await other.get(f"{file}/explanation")).status_code == 404
    assert (await year.office.get(f"{file}/explanation")).json() == explanation


async def test_the_list_of_files_is_narrowed_by_closed_filters(year: Year) -> None:
    await year.accepted(OTHER)
    await year.accepted()
    assert [f["region_code"] for f in (await year.office.get("/v1/appraisal-files")).json()["items"]] == [REGION, OTHER]
    for query, count in (
        (f"region_code={OTHER}", 1),
        ("state=under_review", 2),
        ("stale=true", 0),
        ("stale=false&limit=1", 1),
        (f"cycle_id={uuid4()}", 0),
    ):
        assert len((await year.office.get(f"/v1/appraisal-files?{query}")).json()["items"]) == count, query
    for query in ("state=secret", "sort=total", "nonsense=1"):
        assert (await year.office.get(f"/v1/appraisal-files?{query}")).status_code == 422
