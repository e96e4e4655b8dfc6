"""A conflict that is found late: what was done before stops counting, and nothing is open in between."""

import asyncio
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.models.identity import Role
from tests.declarations.scene import Scene
from tests.evaluations.scene import APPRAISAL, Year, make_year
from tests.reviews.scene import SCORES, put, save
from tests.reviews.scene import Scene as Reviews
from tests.reviews.scene import make_scene as make_reviews
from tests.scenarios.attack import attack, gate, no_wall, patched, sql
from tests.scenarios.scene import OTHER, REGION, answer, decide, items, knock, nowhere, order, recuse
from tests.world import Actor, World

# The recusal without what it does to the seats and sheets of the person.
NOTHING_MOVES = gate("protect", ("WHERE keys.id = a.id AND (", "WHERE false AND keys.id = a.id AND ("))
JUDGEMENT = ("panels", "assignments", "review_copies", "score_sheets")


async def replacement(year: Year, file: str, score: str) -> None:
    """Who was seated instead scores."""
    [seat] = await year.world.rows(
        "SELECT id, person_id FROM assignments WHERE panel_id = :panel AND NOT is_reserve AND state = 'invited'",
        panel=await year.panel(file),
    )
    people = {expert.id: expert for expert in year.review.experts}
    await year.score((people[seat.person_id], f"/v1/assignments/{seat.id}"), score)
    await year.world.drain()


@attack(2, NOTHING_MOVES)
async def test_02_a_conflict_declared_after_scoring(year: Year) -> None:
    """The sheet is void, and kept; the seat is filled again, and the result computed anew. (The version before is
    kept too, but no version leaves the league: from two of them the void score could be solved for.)"""
    file = await year.graded()
    [(expert, _), *_] = await year.seats(file)
    recusal = await order(year.leader, expert)
    assert (await year.office.get(file)).json()["stale"]
    await year.world.drain()
    assert (await year.office.act(file, "grade")).status_code == 409
    await decide(year.committee, recusal)
    await year.world.drain()
    [sheet] = await year.world.rows("SELECT * FROM score_sheets WHERE person_id = :p", p=expert.id)
    assert (sheet.state, sheet.scores["innovation"]) == ("voided", "80")
    await replacement(year, file, "100")
    first, second = await year.results(file)
    assert [one["worth"] for one in first.explanation["sheets"]] == ["80", "87.65", "92.5"]
    assert [one["worth"] for one in second.explanation["sheets"]] == ["87.65", "92.5", "100"]
    shown = (await year.office.get(file)).json()
    assert (shown["state"], shown["result"]["total"]) == ("graded", format(second.total, "f"))
    assert first.explanation_sha256 not in (await year.office.get(file)).text


async def _two_seats(world: World) -> tuple[Reviews, Actor, str, str]:
    """An expert on two panels, so that the scope of reviewing outlives a recusal from one: the paths of both seats."""
    reviews = await make_reviews(world, pool=2)
    here = await reviews.drawn(seats=2, quorum=1, reserves=0)
    there = await reviews.drawn(region=OTHER, seats=2, quorum=1, reserves=0)
    (expert, seat), *_ = await reviews.seats(here)
    elsewhere = next(path for member, path in await reviews.seats(there) if member is expert)
    await reviews.opened(expert, elsewhere)
    await reviews.opened(expert, seat)
    return reviews, expert, seat, elsewhere


@attack(3, NOTHING_MOVES | no_wall(*JUDGEMENT))
async def test_03_editing_ones_own_review_after_the_recusal(world: World) -> None:
    """Every way of writing answers as if the assignment had never been."""
    reviews, expert, seat, elsewhere = await _two_seats(world)
    assert (await save(expert, seat, SCORES)).status_code == 200
    await order(reviews.office, expert)
    await world.renew(expert)
    absent = f"/v1/assignments/{uuid4()}"
    for act in ("score-sheet/submit", "accept", "decline", "declare-conflict"):
        body = {"decline": {"reason": "示例"}, "declare-conflict": {"has_interests": False}}.get(act)
        told = [
            answer(await expert.post(f"{place}/{act}", body, etag='"1.0123456789abcdef"')) for place in (seat, absent)
        ]
        assert told[0] == told[1], act
        assert told[0][0] == 404
    changed = {"scores": {**SCORES, "innovation": "1"}}
    told = [
        answer(await put(expert, f"{at}/score-sheet", changed, etag='"1.0123456789abcdef"')) for at in (seat, absent)
    ]
    assert told[0] == told[1]
    assert told[0][0] == 404
    assert (await save(expert, elsewhere, SCORES)).status_code == 200


async def telling(session: AsyncSession, action: str, about: Resource, **more: Any) -> None:
    """A trace that says what was scored."""
    if action == "score-sheets.submit":
        more["changes"] = {**more["changes"], "total": "85.5"}
    await record(session, action, about, **more)


@attack(4, NOTHING_MOVES | no_wall(*JUDGEMENT), patched("app.reviews.sheets.service.record", telling))
async def test_04_ones_own_void_review(world: World) -> None:
    """A receipt is left, among one's own acts: that and when it was signed. No score, also of one's own."""
    reviews, expert, seat, _ = await _two_seats(world)
    await reviews.scored(expert, seat)
    await decide(await world.person(Role.DISCIPLINE_INSPECTOR), await order(reviews.office, expert))
    await world.renew(expert)
    for door in (seat, f"{seat}/score-sheet", f"{seat}/dossier"):
        assert await knock(expert, door) == await nowhere(expert, door)
    [receipt] = await items(expert, "/v1/me/acts", action="score-sheets.submit")
    assert set(receipt["changes"]) == {"signature"}
    assert (await items(expert, "/v1/me/recusals"))[0]["state"] == "in_force"


@attack(11, sql("DROP TRIGGER on_relation ON employments"))
async def test_11_a_reviewer_changes_employer_in_the_middle(year: Year) -> None:
    """The transaction that writes the employment suspends, seals, and opens the decision."""
    file = await year.drawn()
    (expert, seat), *_ = await year.seats(file)
    await year.score((expert, seat), "80")
    admin = await year.world.person(Role.SYSTEM_ADMIN)
    employer = await year.world.organisation(region_code=REGION, kind="government")
    body = {"organisation_id": str(employer), "kind": "staff", "starts_on": "2026-03-01"}
    made = await admin.post(f"/v1/people/{expert.id}/employments", body)
    assert made.status_code == 201, made.text
    [sheet] = await year.world.rows("SELECT state FROM score_sheets WHERE person_id = :p", p=expert.id)
    assert sheet.state == "sealed"
    assert await knock(expert, seat) == await nowhere(expert, seat)
    [opened] = await items(year.office, "/v1/recusals", person_id=str(expert.id))
    assert (opened["state"], opened["initiator"]) == ("provisional", "detected")


PAPER = {
    "authority": "上级机关（示例）",
    "document_number": "示例函〔2026〕1号",
    "issued_on": "2026-03-02",
    "outcome": "in_force",
    "reason": "情况属实，予以回避（示例）",
    "legal_basis": "civil_servants_76",
}
ONE_CLERK = gate(
    "record_superior",
    ("IF recorded.recorded_by = gate.principal() AND is_same THEN", "IF false THEN"),
    ("recorded.id IS NULL OR recorded.recorded_by = gate.principal()", "recorded.id IS NULL"),
) | sql("ALTER TABLE superior_decisions DROP CONSTRAINT ck_superior_decisions_two_people")


@attack(
    38,
    patched(
        "app.reviews.rules.panel_state",
        lambda *, members, **_: (
            "complete" if all(state in {"done", "suspended", "voided"} for state in members) else "reviewing"
        ),
    ),
    gate("pending_on", ("r.state = 'provisional' AND r.initiator <> 'self'", "false")),
    ONE_CLERK,
)
async def test_38_quorum_lost_and_nobody_left_to_decide(world: World) -> None:
    """The panel says so, and the number that is needed does not sink. With every decider walled the recusal goes on
    barring, and nothing of the region is judged."""
    year = await make_year(world, pool=3)
    file = await year.reviewed()
    [(expert, _), *_] = await year.seats(file)
    recusal = await order(year.leader, expert)
    for decider in (year.leader, year.office):
        await recuse(world, decider)
    await world.drain()
    panel = f"/v1/panels/{(await year.committee.get(file)).json()['panel']['id']}"
    [kept] = await world.rows("SELECT quorum, state FROM panels WHERE id = :id", id=panel.rsplit("/", 1)[1])
    assert (kept.state, kept.quorum) == ("blocked_quorum", 3)
    refused = await year.committee.act(file, "appraise", APPRAISAL)
    assert (refused.status_code, refused.json()["reason"]) == (409, "application_pending")
    [held] = await world.rows("SELECT gate.pending_on('152501', NULL) AS yes")
    assert held.yes
    await recuse(world, year.committee)
    for decider in (year.leader, year.office, year.committee):
        assert (await decider.get(recusal)).status_code == 404
    # Then the superior authority decides, in writing: two who decide nothing themselves enter what it says.
    place = f"/v1/recusal-escalations/{recusal.rsplit('/', 1)[1]}"
    clerks = [await world.person(Role.SECURITY_ADMIN) for _ in range(2)]
    told = [(await clerk.post(f"{place}/record", PAPER)).status_code for clerk in (clerks[0], *clerks)]
    assert told == [201, 409, 204]
    await world.renew(expert)
    assert (await items(expert, "/v1/me/recusals"))[0]["state"] == "in_force"


@attack(40, gate("protect", ("r.state IN ('provisional', 'in_force')", "r.state = 'in_force'")))
async def test_40_a_moment_without_conflicts(scene: Scene) -> None:
    """However often a person's walls are made anew, there is no moment at which they are down."""
    person, file = scene.second, f"/v1/appraisal-files/{(await scene.seat(scene.expert)).file}"
    first = await order(scene.office, person)
    second = await order(scene.office, person, organisation_id=str(await scene.world.organisation()))
    third = await order(scene.office, person)
    for recusal, outcome in ((third, "rejected"), (second, "in_force"), (first, "in_force")):
        deciding = asyncio.create_task(decide(scene.inspector, recusal, outcome))
        while True:
            over = deciding.done()
            assert f"region:{REGION}" in await scene.walls(person), outcome
            if over:
                break
        await deciding
        await scene.world.renew(person)
        assert (await person.get(file)).status_code == 404


LOCKS_NOTHING = gate("take_locks", ("BEGIN\n    FOR item IN", "BEGIN\n    RETURN;\n    FOR item IN")) | gate(
    "require_exclusive", ("IF NOT EXISTS (", "IF false AND NOT EXISTS (")
)


@attack(42, LOCKS_NOTHING)
async def test_42_scoring_while_the_recusal_is_on_its_way(scene: Scene, app_role: asyncpg.Connection) -> None:
    """Whoever is first, the other waits: a sheet that is signed before the recusal is sealed by it, none is signed
    after. (Thousands of colliding rounds over two servers: `tests/races`.)"""
    seat = await scene.seat(scene.expert, state="declared")
    act = app_role.transaction()
    await act.start()
    await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", scene.expert.id)
    await app_role.execute(SIGNED, seat.assignment, scene.expert.id)
    recusing = asyncio.create_task(order(scene.office, scene.expert))
    await asyncio.wait({recusing}, timeout=0.7)
    await act.commit()
    await recusing
    assert await scene.state(seat) == ("suspended", "sealed", True)


SIGNED = """
INSERT INTO score_sheets (id, assignment_id, panel_id, region_code, person_id, scores, state, total, salt, submitted_at,
                          version, created_at, updated_at)
SELECT gen_random_uuid(), a.id, a.panel_id, a.region_code, a.person_id, '{}', 'submitted', 8, gen_random_uuid(), now(),
       1, now(), now()
FROM assignments AS a WHERE a.id = $1 AND a.person_id = $2
"""
