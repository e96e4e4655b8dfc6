"""From the draw to the signed sheet: what is told at which step, and to whom."""

import pytest

from tests.reviews.scene import CONTENT, NONE, REGION, SCORES, TOTAL, Scene, done, make_scene, save
from tests.world import World


@pytest.fixture
async def scene(world: World) -> Scene:
    return await make_scene(world)


async def test_the_whole_way(scene: Scene) -> None:
    panel = await scene.drawn()
    assert await scene.state(panel) == "reviewing"
    (expert, path), (second, other_path) = await scene.seats(panel)
    invited = (await expert.get(path)).json()
    assert (invited["subject_kind"], invited["year"], invited["due_on"]) == ("evaluation", 2025, "2026-04-30")
    assert [invited[name] for name in ("region_code", "title", "panel_id", "person_id", "method")] == [None] * 5
    accepted = await done(expert, path, "accept")
    assert (accepted["state"], accepted["region_code"], accepted["title"]) == ("accepted", REGION, CONTENT["title"])
    assert (await expert.get(path)).status_code == 401
    await scene.world.renew(expert)
    assert (await expert.get(f"{path}/dossier")).status_code == 404
    assert (await expert.get(f"{path}/score-sheet")).status_code == 404
    declared = await done(expert, path, "declare-conflict", NONE)
    assert declared["state"] == "declared"
    dossier = (await expert.get(f"{path}/dossier")).json()
    assert dossier["content"] == CONTENT
    blank = await expert.get(f"{path}/score-sheet")
    assert (blank.json()["version"], blank.json()["scores"], blank.json()["state"]) == (0, {}, "draft")
    saved = await save(expert, path, {"innovation": "8.5"})
    assert saved.status_code == 200, saved.text
    await scene.scored(expert, path)
    sheet = (await expert.get(f"{path}/score-sheet")).json()
    assert (sheet["state"], sheet["total"], sheet["scores"]) == ("submitted", TOTAL, SCORES)
    await scene.drain()
    assert await scene.state(panel) == "reviewing"
    await scene.submitted(second, other_path)
    await scene.drain()
    assert await scene.state(panel) == "complete"
    assert set(scene.settled) == {panel.subject_id}
