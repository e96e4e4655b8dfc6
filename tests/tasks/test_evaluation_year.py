"""What waits in the evaluation of a year: for whoever is next, for nobody else, and not once it is done."""

from typing import Any

import pytest

from app.models.identity import Role
from tests.evaluations.scene import APPRAISAL, OTHER, REGION, REMARK, Year, complete, done, make_year, promise
from tests.ground import FrozenClock
from tests.tasks.asking import PATH, execute, grant, items, judge, waiting
from tests.world import Actor, World


@pytest.fixture
async def year(world: World) -> Year:
    made = await make_year(world)
    await made.seed()
    return made


class Cast:
    """Everybody whom something could wait for; the walled ones are recused from the region from the start."""

    def __init__(self, year: Year) -> None:
        self.year = year
        self.idle: list[Actor] = []

    async def gather(self) -> "Cast":
        world = self.year.world
        self.second = await judge(world, Role.LEAGUE_OFFICE)
        for role in (Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE):
            walled = await judge(world, role)
            await world.wall(walled, f"region:{REGION}")
            self.idle.append(walled)
        self.idle += [
            await judge(world, Role.DISCIPLINE_INSPECTOR),
            await world.person((Role.REGION_APPROVER, OTHER)),
            await world.person((Role.LEAGUE_DEPARTMENT, await world.organisation(region_code="152500"))),
        ]
        # Of the league, and of the region's own staff: neither handles nor judges it, but signs like any approver.
        self.own = await judge(world, Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE, (Role.REGION_APPROVER, REGION))
        return self

    async def stands(self, kind: str | None, *holders: Actor, place: str | None = None) -> None:
        year = self.year
        known = [year.editor, year.approver, year.office, self.second, year.committee, year.leader]
        for actor in (*known, *year.review.experts, *self.idle, self.own):
            mine = await items(actor)
            assert [item["kind"] for item in mine] == ([kind] if actor in holders else []), (kind, actor.id)
            if actor in holders and place is not None:
                assert mine[0]["resource"] == place
                assert (await actor.get(place)).status_code == 200


async def test_it_waits_for_whoever_is_next(year: Year) -> None:
    cast = await Cast(year).gather()
    managers = (year.office, cast.second)
    judges = (*managers, year.committee, year.leader)
    await cast.stands("begin_evaluation", year.editor, place=year.cycle)
    path = await year.begun()
    await cast.stands("draft_evaluation", year.editor, place=path)
    for item in (await year.editor.get(f"{path}/items")).json()["items"]:
        await complete(year.editor, path, item)
    await done(year.editor, path, "submit")
    await cast.stands("sign_evaluation", year.approver, cast.own, place=path)
    await done(year.approver, path, "sign")
    await cast.stands("accept_evaluation", *managers, place=path)
    [first, *_] = (await year.office.get(f"{path}/items")).json()["items"]
    await done(year.office, path, "return", {"remarks": [{"item_id": first["id"], "text": REMARK}]})
    await cast.stands("complete_evaluation", year.editor, place=path)
    await year.send(path)
    shown = await done(year.office, path, "accept")
    file = f"/v1/appraisal-files/{shown['appraisal_file_id']}"
    panel = f"/v1/panels/{await year.panel(file)}"
    await cast.stands("draw_panel", *managers, place=panel)
    await year.office.post(f"{panel}/draw")
    await year.world.drain()
    seats = await year.seats(file)
    await cast.stands("answer_invitation", *(expert for expert, _ in seats))
    for seat in seats:
        await year.score(seat, "80")
    await year.world.drain()
    for expert in year.review.experts:
        assert await waiting(expert) == []
    await cast.stands("appraise_file", *judges, place=file)
    await done(year.committee, file, "appraise", APPRAISAL)
    await cast.stands("grade_file", *managers, place=file)
    await year.grade(file)
    # Not for who appraised it.
    await cast.stands("approve_file", year.leader, place=file)
    await done(year.leader, file, "approve")
    await cast.stands(None)


async def test_titles_and_days(year: Year) -> None:
    assert (await items(year.editor))[0] == {
        "kind": "begin_evaluation",
        "title": "二连浩特市2025年度自评估",
        "due_on": "2026-04-30",
        "resource": year.cycle,
        "region_code": REGION,
    }
    file = await year.reviewed()
    assert await items(year.leader) == [
        {
            "kind": "appraise_file",
            "title": "二连浩特市2025年度评估",
            "due_on": None,
            "resource": file,
            "region_code": REGION,
        }
    ]


async def test_an_invitation_does_not_say_to_what(year: Year) -> None:
    file = await year.drawn()
    expert, seat = (await year.seats(file))[0]
    invitation = await expert.get(PATH)
    assert invitation.json()["items"] == [
        {"kind": "answer_invitation", "title": "评审邀请", "due_on": None, "resource": seat, "region_code": None}
    ]
    assert await waiting(expert, region_code=REGION) == []
    for told in (REGION, "二连浩特", str(await year.panel(file))):
        assert told not in invitation.text
    await done(expert, seat, "accept")
    await year.world.renew(expert)
    named = {"title": "二连浩特市2025年度自评估", "due_on": None, "resource": seat, "region_code": REGION}
    assert await items(expert) == [{"kind": "declare_interests", **named}]
    await done(expert, seat, "declare-conflict", {"has_interests": False})
    assert await items(expert) == [{"kind": "score", **named}]
    # Nobody is asked for another's, not even who sees the seats; nor the reserve for anything.
    both = await judge(year.world, Role.LEAGUE_OFFICE, Role.EXPERT)
    assert len((await both.get("/v1/assignments")).json()["items"]) > 0
    assert await waiting(both) == []
    others = [other for other in year.review.experts if other is not expert]
    assert [await waiting(other) for other in others].count([("answer_invitation", None)]) == 2


async def test_what_is_refused_to_the_own_hand_does_not_wait(year: Year) -> None:
    """Four eyes: who sat on the panel, and who submitted or signed, judges nothing of it."""
    file = await year.reviewed()
    sat, _ = (await year.seats(file))[0]
    await grant(year.world, sat, Role.LEAGUE_COMMITTEE)
    signer = await judge(year.world, Role.LEAGUE_COMMITTEE)
    officer = await judge(year.world, Role.LEAGUE_OFFICE)
    sent = await year.sent(OTHER)
    assert await waiting(officer, region_code=OTHER) == [("accept_evaluation", OTHER)]
    await execute(year.world, "UPDATE evaluation_versions SET submitted_by = :p", p=officer.id)
    assert await waiting(officer) == []
    assert (await officer.act(sent, "accept")).json()["code"] == "four_eyes"
    assert ("appraise_file", REGION) in await waiting(signer)
    await execute(year.world, "UPDATE evaluation_versions SET signed_by = :p", p=signer.id)
    for actor in (sat, signer):
        assert await waiting(actor) == []
        refused = await actor.act(file, "appraise", APPRAISAL)
        assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")


async def test_nobody_is_asked_to_sign_what_they_submitted(year: Year) -> None:
    both = await year.world.person((Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, REGION))
    await done(both, await year.filled(), "submit")
    assert await waiting(both) == []
    assert await waiting(year.approver) == [("sign_evaluation", REGION)]


@pytest.mark.parametrize(
    "held",
    ["UPDATE appraisal_files SET stale = true", "UPDATE appraisal_files SET blocked_quorum = true"],
)
async def test_what_is_held_up_waits_for_nobody(year: Year, held: str) -> None:
    await year.reviewed()
    await execute(year.world, held)
    for actor in (year.office, year.leader):
        assert await waiting(actor) == []


async def test_an_undecided_application_comes_first(year: Year) -> None:
    file = await year.reviewed()
    # Who has no seat here holds nothing up.
    [(expert, _), *_] = await year.seats(file)
    about = {"person_id": str(expert.id), "region_code": REGION, "relation_code": "kinship"}
    body = {"initiator": "informant", "statement": "情况说明（示例）", **about}
    assert (await year.editor.post("/v1/recusals", body)).status_code == 202
    assert await waiting(year.leader) == [("decide_recusal", REGION)]
    [found] = await items(year.leader)
    await done(year.leader, found["resource"], "decide", {"outcome": "rejected", "reason": "不成立（示例）"})
    assert await waiting(year.leader) == [("appraise_file", REGION)]


async def test_nothing_waits_once_the_cycle_takes_no_more(year: Year, clock: FrozenClock) -> None:
    path = await year.begun()
    other, _ = await year.staff(OTHER)
    assert await waiting(other) == [("begin_evaluation", OTHER)]
    await year.close(1)
    assert await waiting(other) == []
    assert await waiting(year.editor) == [("draft_evaluation", REGION)]
    await year.close(1)
    assert await waiting(year.editor) == []
    assert (await year.editor.get(path)).status_code == 200


async def test_a_recusal_takes_the_tasks_away_at_once(year: Year) -> None:
    file = await year.drawn()
    expert, seat = (await year.seats(file))[0]
    await done(expert, seat, "accept")
    officer = await judge(year.world, Role.LEAGUE_OFFICE)
    for actor in (expert, officer):
        own = {"initiator": "self", "relation_code": "kinship", "statement": "亲属（示例）", "region_code": REGION}
        await year.world.renew(actor)
        before = await waiting(actor)
        assert (await actor.post("/v1/recusals", own)).status_code == 201
        await year.world.renew(actor)
        assert await waiting(actor) == [], before
    assert (await expert.get(seat)).status_code == 404


async def test_pages_with_and_without_a_region_miss_nothing_in_as_many_questions(year: Year) -> None:
    office = await year.world.person(Role.LEAGUE_OFFICE)
    with year.world.counting() as few:
        assert len(await items(office, limit=200)) == 2
    for region in (REGION, OTHER, "152522"):
        await year.sent(region)
    with year.world.counting() as many:
        whole = await items(office, limit=200)
    assert len(few) == len(many)
    assert len(whole) == 5
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await office.get(PATH, params={"limit": 1, **cursor})).json()
        seen += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == whole
    await promise(year.world, office)
    assert len(await items(office)) == 3
