"""What Art. 11 asks for: of whoever judges, every year; of whoever decides on recusals."""

import pytest
from sqlalchemy import text

from app.auth import registry
from app.models.identity import Role
from tests.declarations.scene import DECIDED, OTHER, REGION, Scene, decided, make_scene, place
from tests.evaluations.scene import promise
from tests.ground import FrozenClock
from tests.tasks.asking import PATH, items, judge, waiting
from tests.world import Actor, World

YEARLY = [("make_declaration", None), ("sign_commitment", None)]
DECIDE: list[tuple[str, str | None]] = [("decide_recusal", REGION)]
LIFT: list[tuple[str, str | None]] = [("lift_recusal", REGION)]


@pytest.fixture
async def scene(world: World) -> Scene:
    made = await make_scene(world)
    for actor in (made.office, made.second, made.inspector, made.expert):
        await promise(world, actor)
    return made


@pytest.mark.parametrize("role", [Role.EXPERT, Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE])
async def test_every_judge_is_asked_for_the_years_promises(world: World, role: Role, clock: FrozenClock) -> None:
    actor = await world.person(role)
    assert await items(actor) == [
        {
            "kind": kind,
            "title": title,
            "due_on": None,
            "resource": resource,
            "region_code": None,
        }
        for kind, title, resource in (
            ("make_declaration", "2026年度利害关系申报", "/v1/declarations"),
            ("sign_commitment", "2026年度廉洁自律承诺", "/v1/commitments"),
        )
    ]
    for item in await items(actor):
        assert (await actor.get(item["resource"])).status_code == 200
    wording = (await actor.get("/v1/commitment-texts")).json()["items"][0]["version"]
    assert (await actor.post("/v1/commitments", {"year": 2026, "text_version": wording})).status_code == 201
    await world.renew(actor)
    assert await waiting(actor) == YEARLY[:1]
    assert (await actor.post("/v1/declarations", {"year": 2026, "has_interests": False})).status_code == 201
    await world.renew(actor)
    assert await waiting(actor) == []
    clock.advance(days=365)
    await world.renew(actor)
    assert await waiting(actor) == YEARLY


async def test_nobody_else_is_asked_for_them(world: World) -> None:
    department = (Role.LEAGUE_DEPARTMENT, await world.organisation(region_code="152500"))
    for roles in ([department], [Role.DISCIPLINE_INSPECTOR], [(Role.REGION_EDITOR, REGION)]):
        assert await waiting(await world.person(*roles)) == []
    narrow = await world.person(Role.EXPERT, scopes=frozenset({"tasks:read"}))
    assert await waiting(narrow) == []


async def test_a_recusal_waits_for_who_may_decide_it(scene: Scene) -> None:
    world = scene.world
    walled, concerned = await judge(world, Role.LEAGUE_OFFICE), await judge(world, Role.LEAGUE_COMMITTEE)
    own = await judge(world, Role.LEAGUE_COMMITTEE, (Role.REGION_APPROVER, REGION))
    await world.wall(walled, f"region:{REGION}")
    path = await scene.order(concerned, region_code=REGION)
    deciders = (scene.second, scene.inspector)
    everybody = (*deciders, scene.office, walled, concerned, own, scene.expert, scene.editor)

    async def stands(expected: list[tuple[str, str | None]], *holders: Actor) -> None:
        for actor in everybody:
            assert await waiting(actor) == (expected if actor in holders else []), actor.id

    # Not for who ordered it, whom it concerns, who is recused from the region, or who is its staff.
    await stands(DECIDE, *deciders)
    [item] = await items(scene.second)
    assert (item["resource"], item["title"]) == (path, "示例人员：回避决定")
    assert (await scene.second.get(item["resource"])).status_code == 200
    await decided(scene.second, path, "in_force")
    await stands([])
    assert (await scene.second.act(path, "lift", DECIDED)).status_code == 200
    # The proposal is taken; another one's act is waited for.
    await stands(LIFT, scene.office, scene.inspector)
    assert (await scene.inspector.act(path, "lift", DECIDED)).status_code == 200
    await world.renew(concerned)
    await stands([])


async def test_a_proposal_by_who_is_recused_since_leaves_another_ones_own(scene: Scene) -> None:
    path = await scene.order(scene.expert, region_code=REGION)
    await decided(scene.second, path, "in_force")
    assert (await scene.second.act(path, "lift", DECIDED)).status_code == 200
    await scene.world.wall(scene.second, f"region:{REGION}")
    assert await waiting(scene.second) == []
    assert await waiting(scene.office) == LIFT
    # The first proposal is none any more: this is the first one, and waits for yet another person.
    assert (await scene.office.act(path, "lift", DECIDED)).json()["state"] == "in_force"
    assert await waiting(scene.office) == []
    assert await waiting(scene.inspector) == LIFT


async def test_an_application_waits_for_the_deciders_and_is_not_told_to_the_concerned(scene: Scene) -> None:
    officer = await judge(scene.world, Role.LEAGUE_OFFICE)
    before = (await officer.get(PATH)).json()
    recusal = await scene.applied(officer, by=scene.editor)
    assert (await officer.get(PATH)).json() == before
    assert "举报" not in (await scene.office.get(PATH)).text
    for actor in (scene.office, scene.second, scene.inspector):
        assert await waiting(actor) == DECIDE
    assert await waiting(scene.editor) == []
    await decided(scene.office, place(recusal), "rejected")
    assert await waiting(scene.second) == []


async def test_a_recusal_from_an_organisation_is_in_no_region_and_hidden_from_who_is_walled_there(
    scene: Scene,
) -> None:
    organisation = await scene.world.organisation()
    await scene.project(organisation, region=OTHER)
    walled = await judge(scene.world, Role.LEAGUE_OFFICE)
    await scene.world.wall(walled, f"region:{OTHER}")
    await scene.order(scene.expert, organisation_id=str(organisation))
    assert await waiting(scene.second) == [("decide_recusal", None)]
    assert await waiting(scene.second, region_code=OTHER) == []
    assert await waiting(walled) == []
    assert await waiting(scene.expert) == []


async def test_many_recusals_take_as_many_questions_as_one(scene: Scene) -> None:
    with scene.world.counting() as few:
        assert await items(scene.second) == []
    for region in (REGION, OTHER, "152522"):
        await scene.order(scene.expert, region_code=region)
    with scene.world.counting() as many:
        assert len(await items(scene.second)) == 3
    assert len(few) == len(many)


async def test_the_reserve_is_asked_for_nothing(scene: Scene) -> None:
    seat = await scene.seat(scene.expert, state="invited")
    assert await waiting(scene.expert) == [("answer_invitation", None)]
    async with scene.world.admin.administration() as session:
        await registry.lock(session, scene.expert.id)
        await session.execute(text("UPDATE assignments SET is_reserve = true WHERE id = :id"), {"id": seat.assignment})
    assert await waiting(scene.expert) == []
