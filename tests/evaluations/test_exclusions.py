"""Whom a region would rather not be reviewed by: three names, advisory."""

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app.models.identity import Role
from tests.evaluations.scene import OTHER, REGION, Year, done, make_year
from tests.world import World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


NAME = {"name": "示 例专家", "organisation": None, "reason": "学术观点有分歧（示例）"}


async def test_a_region_names_three_at_most_while_it_may_edit(year: Year, world: World) -> None:
    path = await year.filled()
    place = f"{path}/exclusions"
    named = await year.editor.client.put(place, json={"items": [NAME, {**NAME, "name": "另一位（示例）"}]})
    assert named.status_code == 200, named.text
    assert [item["name"] for item in named.json()["items"]] == ["示 例专家", "另一位（示例）"]
    assert (await year.editor.get(place)).json() == named.json()
    # The whole list each time.
    one = await year.editor.client.put(place, json={"items": [NAME]})
    assert [item["name"] for item in one.json()["items"]] == ["示 例专家"]
    [entry] = await world.rows("SELECT changes FROM audit_entries WHERE action = 'evaluations.name_exclusions' LIMIT 1")
    assert entry.changes.keys() == {"count"}
    await year.send(path)
    late = await year.editor.client.put(place, json={"items": []})
    assert (late.status_code, late.json()["reason"]) == (409, "wrong_state")


@pytest.mark.parametrize(
    ("items", "pointer", "code"),
    [
        ([{**NAME, "name": f"示例{n}"} for n in range(4)], "/items", "too_many"),
        ([NAME, NAME], "/items/1/name", "duplicate"),
        ([{**NAME, "reason": ""}], "/items/0/reason", "too_short"),
        ([{**NAME, "person_id": "x"}], "/items/0/person_id", "unknown_field"),
    ],
)
async def test_what_is_wrong_with_a_list(year: Year, items: list[object], pointer: str, code: str) -> None:
    path = await year.begun()
    refused = await year.editor.client.put(f"{path}/exclusions", json={"items": items})
    assert refused.status_code == 422, refused.text
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [(pointer, code)]


async def test_who_reads_and_who_writes(year: Year, world: World, http: AsyncClient) -> None:
    path = await year.filled()
    place = f"{path}/exclusions"
    await year.editor.client.put(place, json={"items": [NAME]})
    assert (await http.get(place)).status_code == 401
    stranger = await world.person((Role.REGION_EDITOR, OTHER))
    assert (await stranger.get(place)).status_code == 404
    assert (await stranger.client.put(place, json={"items": []})).status_code == 404
    assert (await year.approver.client.put(place, json={"items": []})).status_code == 403
    await year.send(path)
    assert len((await year.office.get(place)).json()["items"]) == 1
    assert (await year.office.client.put(place, json={"items": []})).status_code == 403
    # To whom is recused there it looks as if nobody had been named.
    await world.wall(year.leader, f"region:{REGION}")
    walled = await year.leader.get(place)
    assert (walled.status_code, walled.json()) == (200, {"items": []})
    outsider = await world.person(Role.LEAGUE_DEPARTMENT, Role.EXPERT)
    assert (await outsider.get(place)).status_code == 403


@pytest.mark.parametrize(("spared", "sits"), [(1, False), (3, True)])
async def test_whoever_is_named_is_drawn_only_where_nobody_else_is_left(world: World, spared: int, sits: bool) -> None:
    """With as many others as there are places, never; else like everybody."""
    year = await make_year(world, pool=5)
    named = [expert.id for expert in year.review.experts[:spared]]
    async with world.admin.administration() as session:
        await session.execute(text("UPDATE people SET name = '独一无二（示例）' WHERE id = ANY (:ids)"), {"ids": named})
    path = await year.filled()
    await year.editor.client.put(f"{path}/exclusions", json={"items": [{**NAME, "name": "独一 无二（示例）"}]})
    await year.send(path)
    shown = await done(year.office, path, "accept")
    panel = await year.panel(f"/v1/appraisal-files/{shown['appraisal_file_id']}")
    asked = {"people": [str(named[0])], "subjects": [{"region_code": REGION}]}
    [item] = (await year.office.post("/v1/eligibility-checks", asked)).json()["items"]
    assert item["outcome"] == "eligible"
    assert "named_by_region" in {finding["rule"] for finding in item["findings"] if not finding["bars"]}
    await year.seed()
    asked_for = await year.office.post(f"/v1/panels/{panel}/draw")
    assert asked_for.status_code == 202
    await world.drain()
    rows = await world.rows("SELECT person_id FROM assignments WHERE panel_id = :p", p=panel)
    assert bool({row.person_id for row in rows} & set(named)) is sits
    [draw] = await world.rows("SELECT excluded FROM draws WHERE panel_id = :p", p=panel)
    # Counted, and never told by panel: the region must not learn whether the name hit.
    assert draw.excluded.get("named_by_region") == (None if sits else spared)
