"""Whom a panel asks, by name: for the office, and for nobody else."""

from app.models.identity import Role
from tests.reviews.scene import REGION, make_scene
from tests.world import World


async def test_the_office_reads_names_and_the_person_none(world: World) -> None:
    scene = await make_scene(world)
    panel = await scene.drawn()
    listed = (await scene.office.get("/v1/assignments", params={"panel_id": str(panel.id)})).json()["items"]
    assert len(listed) == 3
    assert {row["person_name"] for row in listed} == {"示例专家"}
    for row in listed:
        shown = (await scene.office.get(f"/v1/assignments/{row['id']}")).json()
        assert {key: shown[key] for key in row} == row
    expert, path = (await scene.seats(panel))[0]
    [own] = (await expert.get("/v1/assignments")).json()["items"]
    assert (own["person_id"], own["person_name"]) == (None, None)
    assert "示例专家" not in (await expert.get(path)).text


async def test_a_name_given_by_hand_is_answered_with(world: World) -> None:
    scene = await make_scene(world)
    panel = await scene.panel()
    body = {"person_id": str(scene.experts[0].id), "reason": "专业所限（示例）"}
    made = await scene.office.post(f"/v1/panels/{panel.id}/assign", body)
    assert made.status_code == 201, made.text
    assert (made.json()["person_id"], made.json()["person_name"]) == (body["person_id"], "示例专家")


async def test_names_are_walled_with_their_rows_and_cost_no_question(world: World) -> None:
    scene = await make_scene(world)
    with world.counting() as none:
        assert (await scene.office.get("/v1/assignments")).json()["items"] == []
    await scene.drawn()
    with world.counting() as many:
        assert len((await scene.office.get("/v1/assignments")).json()["items"]) == 3
    assert len(none) == len(many)
    walled = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(walled, f"region:{REGION}")
    assert (await walled.get("/v1/assignments")).json()["items"] == []
