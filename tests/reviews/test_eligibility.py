"""Who may go on after the draw, and what unseats nobody."""

import pytest
from sqlalchemy import text

from app.auth import registry
from tests.reviews.scene import SCORES, Scene, make_scene, save
from tests.world import Actor, World


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def seated(scene: Scene) -> tuple[Actor, str]:
    (first, *_) = await scene.seats(await scene.drawn())
    return first


async def test_who_became_ineligible_after_the_draw_gets_no_further(scene: Scene) -> None:
    expert, path = await seated(scene)

    async def employed(until: str | None) -> None:
        async with scene.world.admin.administration() as session:
            await registry.lock(session, expert.id)
            values = {"person": expert.id, "until": until}
            statement = "UPDATE employments SET ends_on = CAST(CAST(:until AS text) AS date) WHERE person_id = :person"
            await session.execute(text(statement), values)

    await employed("2025-12-31")
    refused = await expert.act(path, "accept")
    assert (refused.status_code, refused.json()["reason"]) == (409, "ineligible")
    await employed(None)
    await scene.opened(expert, path)
    await scene.world.renew(expert)
    saved = await save(expert, path, SCORES)
    await employed("2025-12-31")
    late = await expert.post(f"{path}/score-sheet/submit", etag=saved.headers["etag"])
    assert (late.status_code, late.json()["reason"]) == (409, "ineligible")
    assert [row.state for row in await scene.world.rows("SELECT state FROM score_sheets")] == ["draft"]


async def test_nobody_is_unseated_by_the_housekeeping_of_the_pool(scene: Scene) -> None:
    """Or one officer, a walled one even, could choose who judges."""
    expert, path = await seated(scene)
    place = f"/v1/experts/{expert.id}"
    etag = (await scene.office.get(place)).headers["etag"]
    retired = await scene.office.patch(place, {"active": False, "term_ends_on": "2026-03-01"}, etag=etag)
    assert retired.status_code == 200
    await scene.submitted(expert, path)
