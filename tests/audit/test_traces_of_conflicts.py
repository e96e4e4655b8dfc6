"""What the audit tells of recusals and declarations is as hidden as they are: found by the two-world kit."""

from app.models.identity import Role
from tests.audit.test_entries import entries
from tests.declarations import scene as declarations
from tests.projects import library
from tests.reviews import scene as reviews
from tests.world import World

HERE, THERE = "152501", "152502"


async def test_a_declaration_for_an_assignment_is_traced_under_its_region(world: World) -> None:
    """Or a recused auditor reads there who sits on the panel."""
    scene = await reviews.make_scene(world)
    panel = await scene.drawn()
    [(expert, path), *_] = await scene.seats(panel)
    await world.renew(expert)
    auditor, walled = await world.person(Role.AUDITOR), await world.person(Role.AUDITOR)
    await world.wall(walled, f"region:{HERE}")
    await reviews.done(expert, path, "accept")
    await world.renew(expert)
    declared = {"year": reviews.YEAR, "assignment_id": path.rsplit("/", 1)[1], "has_interests": False, "interests": []}
    made = await expert.post("/v1/declarations", declared)
    assert made.status_code == 201, made.text
    by_expert = {"actor_id": str(expert.id), "action": "declarations.declare"}
    [entry] = await entries(auditor, **by_expert)
    assert entry["region_code"] == HERE
    assert await entries(walled, **by_expert) == []


async def test_a_recusal_that_reaches_the_region_leaves_no_trace_for_who_is_walled_from_it(world: World) -> None:
    scene = await declarations.make_scene(world)
    investor = await world.organisation(region_code=THERE)
    await library.admitted(world, scene.editor, scene.office, HERE, organisation_id=investor)
    auditor, walled = await world.person(Role.AUDITOR), await world.person(Role.AUDITOR)
    elsewhere = await world.person(Role.AUDITOR)
    await world.wall(walled, f"region:{HERE}")
    await world.wall(elsewhere, f"region:{THERE}")
    await scene.order(scene.expert, organisation_id=str(investor))
    seen = [await entries(who, action="recusals.order") for who in (auditor, elsewhere, walled)]
    assert [len(one) for one in seen] == [1, 1, 0]
