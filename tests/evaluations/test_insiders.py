"""Who wears two hats, and who would choose the judges: staff of a region in the office, on a panel, or at a draft."""

import hashlib
import json
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.auth import registry
from app.core.db import Entry
from app.models.identity import Employment, Role
from tests.evaluations.scene import APPRAISAL, OTHER, REGION, Year, done, make_year, scrubbed
from tests.plans.scene import ITEMS, SIGNATURE
from tests.world import Actor, World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


async def granted(year: Year, actor: Actor, role: Role, region: str) -> None:
    """One more grant, as an administrator gives it."""
    async with year.world.admin.administration() as session:
        await registry.lock(session, actor.id)
        await registry.add_grant(session, actor.id, role, region_code=region)
    await year.world.renew(actor)


async def employed(year: Year, actor: Actor, organisation: UUID) -> None:
    async with year.world.admin.administration() as session:
        await registry.lock(session, actor.id)
        session.add(
            Employment(
                id=uuid4(),
                person_id=actor.id,
                organisation_id=organisation,
                kind="staff",
                posted_region=None,
                position=None,
                starts_on=date(2025, 1, 1),
                ends_on=None,
            )
        )
    await year.world.renew(actor)


async def seen(year: Year, actor: Actor, table: str) -> int:
    async with year.world.api.state.database.transaction(Entry("person", actor.id)) as session:
        return int(await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)  # noqa: S608


async def test_an_officer_who_is_staff_of_the_region_gets_none_of_its_judgement(year: Year) -> None:
    file = await year.graded()
    (_, seat), *_ = await year.seats(file)
    panel = f"/v1/panels/{await year.panel(file)}"
    both = await year.judge(Role.LEAGUE_OFFICE)
    places = [file, f"{file}/explanation", panel, seat, f"{seat}/score-sheet"]
    assert {(await both.get(place)).status_code for place in places} == {200}
    await granted(year, both, Role.REGION_EDITOR, REGION)
    for place in places:
        absent = place.replace(place.split("/")[3], str(uuid4()))
        assert (await both.get(place)).status_code == 404, place
        assert scrubbed(await both.get(place)) == scrubbed(await both.get(absent))
    assert (await both.get("/v1/appraisal-files")).json()["items"] == []
    assert (await both.get("/v1/assignments")).json()["items"] == []
    spare = year.review.experts[-1]
    named = {"person_id": str(spare.id), "reason": "专业所需（示例）"}
    assert (await both.post(f"{panel}/assign", named)).status_code == 404
    assert (await both.post(f"{panel}/draw")).status_code == 404
    for table in ("panels", "assignments", "draws", "review_copies", "score_sheets", "appraisal_files"):
        assert await seen(year, both, table) == 0, table


async def test_nor_does_one_handle_what_one_is_staff_of(year: Year) -> None:
    path = await year.sent()
    both = await year.judge(Role.LEAGUE_OFFICE, (Role.REGION_APPROVER, REGION))
    refused = await both.act(path, "accept")
    assert (refused.status_code, refused.json()["reason"]) == (403, "outside_grant")


async def test_staff_of_the_region_are_not_drawn_nor_named_for_it(year: Year) -> None:
    insider = year.review.experts[0]
    await granted(year, insider, Role.REGION_EDITOR, REGION)
    _, file = await year.accepted()
    panel = await year.panel(file)
    named = {"person_id": str(insider.id), "reason": "专业所需（示例）"}
    refused = await year.office.post(f"/v1/panels/{panel}/assign", named)
    assert (refused.status_code, refused.json()["reason"]) == (409, "ineligible")
    assert (await year.office.post(f"/v1/panels/{panel}/draw")).status_code == 202
    await year.world.drain()
    rows = await year.world.rows("SELECT person_id FROM assignments")
    assert insider.id not in {row.person_id for row in rows}
    [made] = await year.world.rows("SELECT excluded FROM draws")
    assert made.excluded["staff_there"] == 1


@pytest.mark.parametrize("by", ["grant", "employment"])
async def test_who_becomes_staff_of_the_region_is_off_its_panel_at_once(year: Year, by: str) -> None:
    file = await year.drawn()
    (expert, seat), *_ = await year.seats(file)
    await year.score((expert, seat), "80")
    if by == "grant":
        await granted(year, expert, Role.REGION_EDITOR, REGION)
    else:
        await employed(year, expert, await year.world.organisation(region_code=REGION, kind="government"))
    # In the administrator's own transaction: nothing of it waits for the worker.
    [sheet] = await year.world.rows("SELECT state FROM score_sheets")
    [recusal] = await year.world.rows("SELECT initiator, state, region_code FROM recusals")
    assert (sheet.state, recusal.initiator, recusal.state, recusal.region_code) == (
        "sealed",
        "detected",
        "provisional",
        REGION,
    )
    assert (await expert.get(seat)).status_code == 404
    assert await year.world.rows("SELECT 1 FROM audit_entries WHERE action = 'recusals.detect'")
    await year.world.drain()
    assert expert.id not in {actor.id for actor, _ in await year.seats(file)}


async def test_an_employment_elsewhere_bars_nobody(year: Year) -> None:
    file = await year.drawn()
    (expert, seat), *_ = await year.seats(file)
    await employed(year, expert, await year.world.organisation(region_code=OTHER, kind="government"))
    assert (await expert.get(seat)).status_code == 200
    assert await year.world.rows("SELECT 1 FROM recusals") == []


async def test_an_officer_who_is_posted_to_a_region_is_barred_from_it(year: Year) -> None:
    officer = await year.judge(Role.LEAGUE_OFFICE)
    await employed(year, officer, await year.world.organisation(region_code=REGION, kind="government"))
    _, file = await year.accepted()
    assert (await officer.get(file)).status_code == 404


async def test_a_draft_and_an_investor_unseat_nobody(year: Year) -> None:
    """What the region can state by itself opens a decision, once the office has filed it; until then it is nothing."""
    file = await year.drawn()
    (expert, seat), *_ = await year.seats(file)
    plan = await year.editor.post("/v1/plans", {"region_code": REGION, "year": 2026})
    body = {"organisation_id": str(year.review.employer)}
    assert (await year.editor.post(f"{plan.headers['location']}/preparers", body)).status_code == 201
    await year.world.drain()
    assert await year.world.rows("SELECT 1 FROM recusals") == []
    await year.score((expert, seat), "80")
    # Nor is anybody left out of a draw by a draft.
    [spare] = await year.world.rows(
        "SELECT count(*) AS eligible FROM experts AS x"
        " WHERE cardinality(gate.ineligibility(x.person_id, :region, NULL, :day, false)) = 0",
        region=REGION,
        day=date(2026, 3, 2),
    )
    assert spare.eligible == len(year.review.experts)


async def test_who_is_seated_and_named_in_the_filed_plan_waits_for_a_decision(year: Year) -> None:
    file = await year.drawn()
    seats = await year.seats(file)
    plan = await year.editor.post("/v1/plans", {"region_code": REGION, "year": 2025, "resource_assessment": "草原"})
    path = plan.headers["location"]
    for section, body in {**ITEMS, "preparers": {"organisation_id": str(year.review.employer)}}.items():
        assert (await year.editor.post(f"{path}/{section}", body)).status_code == 201
    for actor, action, signature in (
        (year.editor, "submit", None),
        (year.approver, "sign", SIGNATURE),
        (year.office, "file", None),
    ):
        await done(actor, path, action, signature)
    await year.world.drain()
    opened = await year.world.rows("SELECT person_id, state, relation_code, initiator FROM recusals")
    assert {(row.state, row.relation_code, row.initiator) for row in opened} == {("pending", "prepared_it", "detected")}
    assert {row.person_id for row in opened} >= {actor.id for actor, _ in seats}
    # Nobody is barred, and nothing is appraised before it is decided.
    for seat in seats:
        await year.score(seat, "80")
    await year.world.drain()
    refused = await year.committee.act(file, "appraise", APPRAISAL)
    assert (refused.status_code, refused.json()["reason"]) == (409, "application_pending")


async def test_a_panel_takes_no_more_than_its_seats(year: Year) -> None:
    file = await year.drawn()
    panel = f"/v1/panels/{await year.panel(file)}"
    seated = {actor.id for actor, _ in await year.seats(file)}
    reserves = {row.person_id for row in await year.world.rows("SELECT person_id FROM assignments WHERE is_reserve")}
    spare = next(expert for expert in year.review.experts if expert.id not in seated | reserves)
    for act, body in (("assign", {"person_id": str(spare.id), "reason": "专业所需（示例）"}), ("draw", None)):
        refused = await year.office.post(f"{panel}/{act}", body)
        assert (refused.status_code, refused.json()["reason"]) == (409, "no_open_seat"), act
    shown = (await year.office.get(panel)).json()
    assert {a["action"]: a["reason"] for a in shown["allowed_actions"]} == dict.fromkeys(
        ("draw", "assign"), "no_open_seat"
    )


async def test_who_sits_on_the_panel_appraises_and_approves_nothing_of_it(year: Year) -> None:
    file = await year.drawn()
    (expert, _), *_ = await year.seats(file)
    await granted_league(year, expert)
    for seat in await year.seats(file):
        await year.score(seat, "80")
    await year.world.drain()
    refused = await expert.act(file, "appraise", APPRAISAL)
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    # Of the panel one sees one's own seat.
    assert await seen(year, expert, "assignments") == 1
    assert await seen(year, expert, "score_sheets") == 1


async def granted_league(year: Year, actor: Actor) -> None:
    async with year.world.admin.administration() as session:
        await registry.lock(session, actor.id)
        await registry.add_grant(session, actor.id, Role.LEAGUE_COMMITTEE)
    await year.world.renew(actor)


async def test_an_order_that_is_rejected_leaves_what_was_appraised(year: Year) -> None:
    file = await year.approved()
    before = await year.row(file)
    order = {
        "initiator": "ex_officio",
        "person_id": str(year.committee.id),
        "region_code": REGION,
        "relation_code": "kinship",
        "statement": "待查实的关系（示例）",
    }
    made = await year.office.post("/v1/recusals", order)
    assert made.status_code == 201, made.text
    await year.world.drain()
    await year.close()
    # Held meanwhile: nothing is published.
    assert await year.publish() == []
    inspector = await year.world.person(Role.DISCIPLINE_INSPECTOR)
    verdict = {"outcome": "rejected", "reason": "所述情形不构成回避事由（示例）"}
    await done(inspector, made.headers["location"], "decide", verdict)
    await year.world.drain()
    after = await year.row(file)
    assert (after.state, after.appraised_by, after.approved_by) == ("approved", before.appraised_by, before.approved_by)
    assert len(await year.publish()) == 1


async def test_a_void_sheet_is_sealed_from_the_office_too(year: Year) -> None:
    file = await year.reviewed()
    (expert, seat), *_ = await year.seats(file)
    assert (await year.office.get(f"{seat}/score-sheet")).status_code == 200
    order = {
        "initiator": "ex_officio",
        "person_id": str(expert.id),
        "region_code": REGION,
        "relation_code": "kinship",
        "statement": "查实的关系（示例）",
    }
    assert (await year.office.post("/v1/recusals", order)).status_code == 201
    assert (await year.office.get(f"{seat}/score-sheet")).status_code == 404
    rows = await year.world.rows("SELECT state FROM score_sheets WHERE person_id = :person", person=expert.id)
    assert [row.state for row in rows] == ["sealed"]


async def test_the_audit_gives_no_score_away_to_who_tries_them_all(year: Year) -> None:
    file = await year.appraised()
    rows = await year.world.rows("SELECT action, changes FROM audit_entries WHERE action ~ 'sheet|appraise'")
    assert {row.action for row in rows} >= {"score-sheets.save", "score-sheets.submit", "appraisal_files.appraise"}
    assert all(row.changes == {} for row in rows if row.action == "score-sheets.save")
    [appraised] = [row.changes["appraisal_sha256"] for row in rows if row.action == "appraisal_files.appraise"]
    stated = {"file_id": file.rsplit("/", 1)[1], **APPRAISAL}
    assert appraised != _digest(stated)
    salt = (await year.row(file)).appraisal_salt
    assert appraised == _digest({**stated, "salt": str(salt)})


def _digest(content: Any) -> str:
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


async def test_informing_twice_opens_one_and_a_recused_informant_holds_nothing_up(year: Year) -> None:
    _, file = await year.accepted()
    told = {
        "initiator": "informant",
        "person_id": str(year.committee.id),
        "region_code": REGION,
        "relation_code": "kinship",
        "statement": "听说的关系（示例）",
    }
    walled = await year.judge(Role.LEAGUE_OFFICE)
    await year.world.wall(walled, f"region:{REGION}")
    await year.world.renew(walled)
    answers = [await walled.post("/v1/recusals", told) for _ in range(3)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(202, b"")}
    assert len(await year.world.rows("SELECT 1 FROM recusals")) == 1
    held = "SELECT gate.pending_on(:region, NULL) AS held"
    assert [row.held for row in await year.world.rows(held, region=REGION)] == [False]
    other = await year.judge(Role.LEAGUE_OFFICE)
    assert (await other.post("/v1/recusals", told)).status_code == 202
    assert [row.held for row in await year.world.rows(held, region=REGION)] == [True]
    assert (await year.row(file)).state == "under_review"


async def test_grants_of_the_league_take_two_and_a_verified_identity(world: World) -> None:
    """A second account of somebody who is recused would be a way round."""
    security = await world.person(Role.SECURITY_ADMIN)
    person = await world.person()
    for role in ("league_office", "league_committee", "discipline_inspector"):
        refused = await security.post(f"/v1/people/{person.id}/grants", {"role": role, "reason": "示例"})
        assert (refused.status_code, refused.json()["reason"]) == (409, "identity_not_verified"), role
    assert await world.rows("SELECT 1 FROM grants WHERE person_id = :person", person=person.id) == []


async def test_what_was_approved_stands_again_when_the_order_is_rejected(year: Year) -> None:
    """Withdrawn while it is open, and restored without anybody's doing: or one order, rejected, would undo a result."""
    file = await year.approved()
    before = (await year.office.get(file)).json()
    (barred, _), *_ = await year.seats(file)
    made = await year.office.post(
        "/v1/recusals",
        {
            "initiator": "ex_officio",
            "person_id": str(barred.id),
            "region_code": REGION,
            "relation_code": "kinship",
            "statement": "待查（示例）",
        },
    )
    assert made.status_code == 201, made.text
    await year.world.drain()
    held = await year.row(file)
    assert (held.state, held.approved_by) == ("appraised", None)
    await year.close()
    assert await year.publish() == []
    inspector = await year.world.person(Role.DISCIPLINE_INSPECTOR)
    await done(inspector, made.headers["location"], "decide", {"outcome": "rejected", "reason": "不属实（示例）"})
    await year.world.drain()
    after = (await year.office.get(file)).json()
    assert {k: after[k] for k in ("state", "stale", "result")} == {k: before[k] for k in ("state", "stale", "result")}
    assert len(await year.results(file)) == 1
    assert len(await year.publish()) == 1
