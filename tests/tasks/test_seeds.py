"""The shares of the seed wait for the two parties, one step after the other, and not for who had the other share."""

from app.models.identity import Role
from tests.cases.scene import make_selection
from tests.evaluations.scene import make_year
from tests.reviews.ceremony import commit, open_share
from tests.tasks.asking import execute, items, judge, waiting
from tests.world import Actor, World


async def steps(world: World, place: str, office: Actor, committee: Actor, title: str) -> None:
    both = await judge(world, Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE)
    walled = await judge(world, Role.LEAGUE_OFFICE)
    await world.wall(walled, "region:152501")
    inspector = await judge(world, Role.DISCIPLINE_INSPECTOR)

    async def stands(kind: str, *holders: Actor) -> None:
        for actor in (office, committee, both, walled, inspector):
            found = [item for item in await items(actor) if item["kind"].endswith("_share")]
            if actor not in holders:
                assert found == []
                continue
            expected = {"due_on": None, "resource": f"{place}/draw-seed", "region_code": None}
            assert found == [{"kind": kind, "title": title, **expected}]
            assert (await actor.get(found[0]["resource"])).status_code == 200

    await stands("commit_share", office, committee, both, walled)
    await commit(both, place, "office")
    # Nothing more for who has given the office's.
    await stands("commit_share", committee)
    await commit(committee, place, "committee")
    await stands("open_share", office, committee, both, walled)
    await open_share(committee, place, "committee")
    await stands("open_share", office, both, walled)
    await open_share(walled, place, "office")
    await stands("open_share")


async def test_of_a_cycle(world: World) -> None:
    year = await make_year(world)
    await steps(world, year.cycle, year.office, year.committee, "2025年度评估专家抽取")


async def test_of_a_round(world: World) -> None:
    selection = await make_selection(world)
    title = "2026年典型案例遴选（示例）：专家抽取"
    await steps(world, selection.round, selection.office, selection.committee, title)


async def test_what_is_published_waits_for_no_share(world: World) -> None:
    year = await make_year(world)
    assert ("commit_share", None) in await waiting(year.leader)
    await execute(world, "UPDATE evaluation_cycles SET phase = 'published'")
    assert await waiting(year.leader) == []


async def test_a_panel_waits_to_be_drawn_once_the_seed_is_open(world: World) -> None:
    selection = await make_selection(world)
    path = await selection.recommended()
    assert (await selection.office.act(path, "start-review")).status_code == 200
    waits = [kind for kind, _ in await waiting(selection.office)]
    assert ("commit_share" in waits, "draw_panel" in waits) == (True, False)
    await selection.seed()
    waits = [kind for kind, _ in await waiting(selection.office)]
    assert ("commit_share" in waits, "draw_panel" in waits) == (False, True)
