"""A recusal after the fact: what rests on the person stops counting at once, and is repaired by the worker."""

from itertools import product

import pytest
from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from app.models.reviews import AssignmentState, SheetState
from app.reviews.repository import counted_sheets
from tests.evaluations.scene import APPRAISAL, REGION, Year, done, make_year
from tests.reviews.scene import order_recusal
from tests.world import Actor, World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


async def replace(year: Year, file: str, score: str) -> None:
    """Whoever was seated instead scores."""
    rows = await year.world.rows(
        "SELECT id, person_id FROM assignments WHERE panel_id = :panel AND NOT is_reserve AND state = 'invited'",
        panel=await year.panel(file),
    )
    people = {expert.id: expert for expert in year.review.experts}
    [row] = rows
    await year.score((people[row.person_id], f"/v1/assignments/{row.id}"), score)


async def invited(year: Year, file: str) -> int:
    statement = "SELECT 1 FROM assignments WHERE panel_id = :panel AND NOT is_reserve AND state = 'invited'"
    return len(await year.world.rows(statement, panel=await year.panel(file)))


async def counted(year: Year, file: str) -> int:
    rows = await year.world.rows(
        "SELECT 1 FROM score_sheets AS s JOIN assignments AS a ON a.id = s.assignment_id"
        " WHERE s.panel_id = :panel AND s.state = 'submitted' AND a.state = 'done'",
        panel=await year.panel(file),
    )
    return len(rows)


async def uphold(year: Year) -> None:
    """Every recusal that was ordered is decided: it is in force, by another decider."""
    for recusal in (await year.committee.get("/v1/recusals?state=provisional")).json()["items"]:
        decision = {"outcome": "in_force", "reason": "情况属实（示例）"}
        await done(year.committee, f"/v1/recusals/{recusal['id']}", "decide", decision)


async def test_before_any_result_the_sheet_stops_counting_at_once(year: Year) -> None:
    file = await year.appraised()
    [(expert, assignment), *_] = await year.seats(file)
    await order_recusal(year.review, year.leader, expert)
    # In the same transaction, before any worker.
    assert await counted(year, file) == 2
    shown = (await year.office.get(file)).json()
    assert (shown["state"], shown["stale"]) == ("appraised", True)
    refused = await year.office.act(file, "grade")
    assert (refused.status_code, refused.json()["reason"]) == (409, "stale")
    await year.world.renew(expert)
    assert (await expert.get(assignment)).status_code == 404
    await year.world.drain()
    # Ordered, and not decided yet: it may still resume.
    assert (await year.office.act(file, "grade")).json()["reason"] == "application_pending"
    await uphold(year)
    assert (await year.office.act(file, "grade")).json()["reason"] == "stale"
    await year.world.drain()
    # The reserve was promoted, and has to score.
    refused = await year.office.act(file, "grade")
    assert (refused.status_code, refused.json()["reason"]) == (409, "panel_incomplete")
    await replace(year, file, "100")
    await year.world.drain()
    await year.grade(file)
    [result] = await year.results(file)
    # The first seat had given 80.
    assert sorted(sheet["worth"] for sheet in result.explanation["sheets"]) == ["100", "87.65", "92.5"]


async def test_after_a_result_it_is_withdrawn_and_computed_anew(year: Year) -> None:
    file = await year.approved()
    [(expert, _), *_] = await year.seats(file)
    await order_recusal(year.review, year.leader, expert)
    shown = (await year.office.get(file)).json()
    assert (shown["state"], shown["stale"]) == ("approved", True)
    await year.close()
    assert await year.publish() == []
    # The repair has run: the result is withdrawn until the panel is whole again, and so is the approval.
    shown = (await year.office.get(file)).json()
    assert (shown["state"], shown["stale"], shown["result"], shown["approved_by"]) == ("appraised", False, None, None)
    assert (await year.office.get(f"{file}/explanation")).status_code == 404
    # Nobody is seated instead while it is undecided whether the first one resumes.
    assert await invited(year, file) == 0
    await uphold(year)
    await year.world.drain()
    assert (await year.row(file)).state == "appraised"
    await replace(year, file, "100")
    await year.world.drain()
    shown = (await year.office.get(file)).json()
    # 0.7 × (100 + 87.65 + 92.5) / 3 + 0.3 × 90
    assert (shown["state"], shown["result"]["total"]) == ("graded", "92.3683")
    results = await year.results(file)
    assert [(r.number, format(r.total, "f"), r.grade) for r in results] == [
        (1, "87.7017", "good"),
        (2, "92.3683", "excellent"),
    ]
    assert await year.publish() == []
    await done(year.leader, file, "approve")
    [publication] = await year.publish()
    # Publications count from 1, whatever was computed before.
    assert publication["number"] == 1
    told = (await year.editor.get(f"{file}/explanation")).json()
    assert [sheet["worth"] for sheet in told["sheets"]] == ["87.65", "92.5", "100"]


async def test_without_anybody_left_the_quorum_is_lost(world: World) -> None:
    year = await make_year(world, pool=3)
    file = await year.appraised()
    [(expert, _), *_] = await year.seats(file)
    await order_recusal(year.review, year.leader, expert)
    await year.world.drain()
    row = await year.row(file)
    assert (row.stale, row.blocked_quorum) == (False, True)
    refused = await year.office.act(file, "grade")
    assert (refused.status_code, refused.json()["reason"]) == (409, "application_pending")
    # A rejected recusal resumes what it had suspended.
    [recusal] = (await year.committee.get("/v1/recusals")).json()["items"]
    decision = {"outcome": "rejected", "reason": "所述情形不属于回避事由（示例）"}
    await done(year.committee, f"/v1/recusals/{recusal['id']}", "decide", decision)
    assert (await year.office.act(file, "grade")).json()["reason"] == "stale"
    await year.world.drain()
    await year.grade(file)
    assert (await year.row(file)).state == "graded"


async def recuse_oneself(year: Year, actor: Actor) -> None:
    body = {"initiator": "self", "region_code": REGION, "relation_code": "kinship", "statement": "亲属在该地区任职"}
    answer = await actor.post("/v1/recusals", body)
    assert answer.status_code == 201, answer.text
    await year.world.renew(actor)


async def test_an_appraisal_falls_with_whoever_gave_it(year: Year) -> None:
    file = await year.approved()
    await recuse_oneself(year, year.committee)
    row = await year.row(file)
    # At once; what was given is kept as void.
    assert (row.state, row.stale, row.appraised_by, row.approved_by) == ("under_review", True, None, None)
    assert [void["score"] for void in row.voided] == ["90.0000"]
    assert (await year.leader.act(file, "appraise", APPRAISAL)).json()["reason"] == "stale"
    assert (await year.office.act(file, "grade")).json()["code"] == "state_conflict"
    await year.close()
    assert await year.publish() == []
    shown = (await year.office.get(file)).json()
    assert (shown["state"], shown["stale"]) == ("under_review", False)
    assert [shown[n] for n in ("appraisal_score", "appraisal_reason", "appraised_by", "approved_by", "result")] == (
        [None] * 5
    )
    await done(year.leader, file, "appraise", {**APPRAISAL, "score": "60"})
    await year.grade(file)
    second = await year.judge(Role.LEAGUE_COMMITTEE)
    await done(second, file, "approve")
    assert [format(r.total, "f") for r in await year.results(file)] == ["87.7017", "78.7017"]
    assert len(await year.publish()) == 1


async def test_an_approval_falls_with_whoever_gave_it_and_the_result_stands(year: Year) -> None:
    file = await year.approved()
    await recuse_oneself(year, year.leader)
    row = await year.row(file)
    assert (row.state, row.stale, row.approved_by) == ("graded", True, None)
    await year.world.drain()
    shown = (await year.office.get(file)).json()
    assert (shown["state"], shown["approved_by"], shown["result"]["total"]) == ("graded", None, "87.7017")
    # The same inputs: no second version.
    assert len(await year.results(file)) == 1


async def test_after_publication_it_stands_under_correction(year: Year) -> None:
    file = await year.approved()
    [(expert, _), *_] = await year.seats(file)
    await year.close()
    [publication] = await year.publish()
    told = (await year.editor.get(f"{file}/explanation")).json()
    await order_recusal(year.review, year.leader, expert)
    await uphold(year)
    await year.world.drain()
    await replace(year, file, "100")
    await year.world.drain()
    row = await year.row(file)
    assert (row.state, row.under_correction, row.stale) == ("published", True, False)
    assert (row.appraised_by, row.approved_by) == (year.committee.id, year.leader.id)
    assert (await year.office.get("/v1/publications")).json()["items"] == [publication]
    # The region goes on reading what was published with it.
    assert (await year.editor.get(f"{file}/explanation")).json() == told


async def test_two_recusals_in_a_row_leave_no_gap(world: World) -> None:
    """The first repair must not clear what the second recusal has marked."""
    year = await make_year(world, pool=6)
    file = await year.graded()
    seats = await year.seats(file)
    for expert, _ in seats[:2]:
        await order_recusal(year.review, year.leader, expert)
    await uphold(year)
    await year.world.drain()
    row = await year.row(file)
    assert (row.state, row.stale, row.blocked_quorum) == ("appraised", False, False)
    assert await counted(year, file) == 1
    for expert, assignment in (await year.seats(file))[1:]:
        await year.score((expert, assignment), "70")
    await year.world.drain()
    row = await year.row(file)
    assert (row.state, row.latest_result) == ("graded", 2)


async def test_only_submitted_sheets_of_seated_members_who_are_done_count(year: Year) -> None:
    """Of every state that an assignment and its sheet can be in: a voided or sealed sheet never counts."""
    file = await year.reviewed()
    panel = await year.panel(file)
    [(expert, assignment), *_] = await year.seats(file)
    counting = []
    for seat, sheet, reserve in product(AssignmentState, SheetState, (False, True)):
        async with year.world.admin.administration() as session:
            await registry.lock(session, expert.id)
            values = {"id": assignment.rsplit("/", 1)[1], "seat": seat, "sheet": sheet, "reserve": reserve}
            await session.execute(
                text("UPDATE assignments SET state = :seat, is_reserve = :reserve WHERE id = :id"), values
            )
            await session.execute(text("UPDATE score_sheets SET state = :sheet WHERE assignment_id = :id"), values)
            if len(await counted_sheets(session, panel)) == 3:
                counting.append((seat, sheet, reserve))
    assert counting == [(AssignmentState.DONE, SheetState.SUBMITTED, False)]
