"""What lists and results say beside ids, under the rules of the detail."""

import pytest

from app.models.identity import Role
from tests.evaluations.scene import OTHER, REGION, Year, make_year
from tests.world import Actor, World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


async def files(actor: Actor) -> dict[str, str | None]:
    listed = await actor.get("/v1/evaluations")
    assert listed.status_code == 200, listed.text
    by_path = {f"/v1/evaluations/{item['id']}": item["appraisal_file_id"] for item in listed.json()["items"]}
    for path, file in by_path.items():
        assert (await actor.get(path)).json()["appraisal_file_id"] == file
    return by_path


async def test_a_list_names_the_file_for_whom_the_detail_does(year: Year) -> None:
    path, file = await year.accepted()
    other = await year.sent(OTHER)
    named = file.rsplit("/", 1)[1]
    walled = await year.judge(Role.LEAGUE_OFFICE)
    own = await year.judge(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    await year.world.wall(walled, f"region:{REGION}")
    assert await files(year.office) == {path: named, other: None}
    for actor in (walled, own):
        assert await files(actor) == {path: None, other: None}
    assert await files(year.editor) == {path: None}


async def test_the_region_is_told_where_it_is_with_the_publication(year: Year) -> None:
    file = await year.approved()
    assert set((await files(year.editor)).values()) == {None}
    await year.close()
    await year.publish()
    assert set((await files(year.editor)).values()) == {file.rsplit("/", 1)[1]}


async def test_a_list_costs_the_same_for_more_files(year: Year) -> None:
    await year.accepted()
    with year.world.counting() as few:
        assert len((await year.office.get("/v1/evaluations")).json()["items"]) == 1
    await year.accepted(OTHER)
    await year.accepted("152522")
    with year.world.counting() as many:
        assert len((await year.office.get("/v1/evaluations")).json()["items"]) == 3
    assert len(few) == len(many)


async def test_a_result_says_its_grade_by_name(year: Year) -> None:
    file = await year.graded()
    result = (await year.office.get(file)).json()["result"]
    assert (result["grade"], result["grade_name"]) == ("good", "良好")
