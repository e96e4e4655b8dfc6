"""What a region learns of its case's fate: what everybody may read of the publication, and nothing before it."""

import json
from typing import Any

import pytest

from app.models.identity import Role
from tests.cases.scene import OTHER, REGION, Selection, done, make_selection, promise, scrubbed
from tests.world import Actor, World


@pytest.fixture
async def selection(world: World) -> Selection:
    return await make_selection(world)


async def seen(actor: Actor, path: str) -> dict[str, Any]:
    answer = await actor.get(path)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def test_the_region_is_told_with_the_publication_and_not_before(selection: Selection) -> None:
    best, file = await selection.started()
    await fill(selection, file, "95")
    weaker, other = await selection.started(OTHER, title="另一案例（示例）")
    await fill(selection, other, "80")
    home = await selection.drafted(title="未推荐（示例）")
    editor, _ = await selection.staff(OTHER)
    walled = await selection.world.person(Role.LEAGUE_OFFICE)
    await promise(selection.world, walled)
    await selection.world.wall(walled, f"region:{REGION}")
    before = scrubbed(await selection.editor.get(best))
    await selection.ask("select")
    # Selected, and not published: byte for byte as before.
    assert scrubbed(await selection.editor.get(best)) == before
    for actor, path in ((selection.editor, best), (editor, weaker), (selection.office, best), (walled, best)):
        assert (await seen(actor, path))["outcome"] is None
    etag = (await selection.editor.get(best)).headers["etag"]
    await selection.ask("publish")
    told = await selection.editor.get(best, headers={"If-None-Match": etag})
    assert (told.status_code, told.json()["outcome"]) == (200, "selected")
    assert (await seen(editor, weaker))["outcome"] == "not_selected"
    assert (await seen(selection.editor, home))["outcome"] is None
    # It is of the publication, and so the same for the recused; others' cases stay hidden, and so do the files.
    assert (await seen(walled, best))["outcome"] == "selected"
    assert (await editor.get(best)).status_code == 404
    for actor, path in ((selection.editor, best), (editor, weaker), (walled, best)):
        assert (await seen(actor, path))["case_file_id"] is None
    # Nothing else moved with it.
    assert told.json() == {**json.loads(before), "outcome": "selected"}


async def test_the_publication_names_the_case(selection: Selection) -> None:
    path, file = await selection.started()
    await fill(selection, file, "90")
    await selection.ask("select")
    await selection.ask("publish")
    [publication] = await selection.publications()
    content = (await selection.office.get(f"/v1/publications/{publication['id']}/content")).json()
    assert [case["case_id"] for case in content["cases"]] == [path.rsplit("/", 1)[1]]


async def test_a_recusal_after_the_publication_changes_nothing_of_it(selection: Selection) -> None:
    path, file = await selection.started()
    await fill(selection, file, "90")
    await selection.ask("select")
    await selection.ask("publish")
    before = scrubbed(await selection.editor.get(path))
    expert, _ = (await selection.seats(file))[0]
    order = {"initiator": "ex_officio", "person_id": str(expert.id), "region_code": REGION}
    order |= {"relation_code": "kinship", "statement": "查实的关系（示例）"}
    assert (await selection.office.post("/v1/recusals", order)).status_code == 201
    await selection.world.drain()
    assert (await selection.row(file)).under_correction
    assert scrubbed(await selection.editor.get(path)) == before


async def test_lists_say_where_the_file_is_as_the_detail_does(selection: Selection) -> None:
    one, file = await selection.started()
    two = await selection.recommended(OTHER)
    walled = await selection.world.person(Role.LEAGUE_OFFICE)
    await selection.world.wall(walled, f"region:{REGION}")
    for actor in (selection.office, selection.committee, walled, selection.editor):
        with selection.world.counting() as few:
            listed = (await actor.get("/v1/cases")).json()["items"]
        by_id = {case["id"]: case["case_file_id"] for case in listed}
        for path in (one, two):
            if (shown := await actor.get(path)).status_code == 200:
                assert by_id[path.rsplit("/", 1)[1]] == shown.json()["case_file_id"]
    assert by_id == {one.rsplit("/", 1)[1]: None}
    listed = (await selection.office.get("/v1/cases")).json()["items"]
    assert {case["case_file_id"] for case in listed} == {file.rsplit("/", 1)[1], None}
    await done(selection.office, two, "start-review")
    with selection.world.counting() as many:
        assert all(case["case_file_id"] for case in (await selection.office.get("/v1/cases")).json()["items"])
    assert len(few) == len(many)


async def fill(selection: Selection, file: str, score: str) -> None:
    """A complete panel."""
    await selection.draw(file)
    for seat in await selection.seats(file):
        await selection.score(seat, score)
    await selection.world.drain()
