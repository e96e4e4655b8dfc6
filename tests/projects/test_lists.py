"""The list: filters, sorts, pages, and as many statements for many projects as for one."""

import pytest

from app.models.identity import Role
from tests.projects.library import complete, done, drafted, proposed, statements
from tests.world import Actor, World


@pytest.fixture
async def editor(world: World) -> Actor:
    return await world.person((Role.REGION_EDITOR, "152501"))


async def names(actor: Actor, query: str) -> list[str]:
    answer = await actor.get(f"/v1/projects?sort=name&{query}")
    assert answer.status_code == 200, answer.text
    return [item["name"] for item in answer.json()["items"]]


async def test_filters_narrow(world: World, editor: Actor) -> None:
    entity = await world.organisation(name="示例投资主体（示例）")
    a = await drafted(editor, await complete(world, name="甲（示例）", organisation_id=entity))
    body = await complete(
        world,
        name="乙（示例）",
        primary_mode="ecological_tourism",
        secondary_modes=[],
        funding=[{"source": "central", "year": 2030, "planned": "1", "done": "0"}],
        starts_on="2020-01-01",
        ends_on="2021-12-31",
    )
    b = await drafted(editor, body)
    await drafted(
        editor,
        await complete(world, name="丙（示例）", funding=[], starts_on=None, ends_on=None, secondary_modes=[]),
    )
    await done(editor, a, "propose")
    await done(editor, b, "advance", {"to": "construction"})
    assert await names(editor, "region_code=152501") == ["丙（示例）", "乙（示例）", "甲（示例）"]
    assert await names(editor, "region_code=152502") == []
    assert await names(editor, "membership=proposed") == ["甲（示例）"]
    assert await names(editor, "building_stage=construction") == ["乙（示例）"]
    assert await names(editor, "mode=ecological_tourism") == ["乙（示例）", "甲（示例）"]
    assert await names(editor, f"organisation_id={entity}") == ["甲（示例）"]
    assert await names(editor, "year=2030") == ["乙（示例）"]
    assert await names(editor, "year=2020") == ["乙（示例）"]
    assert await names(editor, "year=2025") == ["甲（示例）"]
    assert await names(editor, "source_system=province") == []
    listed = (await editor.get("/v1/projects?sort=name&membership=proposed")).json()["items"][0]
    assert (listed["funding_planned"], listed["funding_done"]) == ("1350.00", "500.50")
    assert listed["investment_entity"] == {
        "id": str(entity),
        "name": "示例投资主体（示例）",
        "credit_code": None,
    }


async def test_what_changed_since(world: World, editor: Actor) -> None:
    path = await drafted(editor, await complete(world, name="甲（示例）"))
    world.api.state.database.clock.advance(hours=1)
    await world.renew(editor)
    await drafted(editor, await complete(world, name="乙（示例）"))
    since = "2026-03-02T01:30:00Z"
    assert await names(editor, f"updated_since={since}") == ["乙（示例）"]
    world.api.state.database.clock.advance(hours=1)
    await world.renew(editor)
    await done(editor, path, "propose")
    assert len(await names(editor, "updated_since=2026-03-02T09:30:00%2B08:00")) == 2
    page = (await editor.get("/v1/projects")).json()["items"]
    assert [item["name"] for item in page] == ["甲（示例）", "乙（示例）"]


@pytest.mark.parametrize(
    "query",
    [
        "membership=member",
        "year=abc",
        "nonsense=1",
        "sort=version",
        "limit=0",
        "updated_since=2026-03-02",
        "updated_since=1767225600",
        "updated_since=9999-12-31T23:59:59-23:00",
        "mode=%00",
        "region_code=1",
        "cursor=nonsense",
        "organisation_id=1",
    ],
)
async def test_a_wrong_query_is_refused(editor: Actor, query: str) -> None:
    answer = await editor.get(f"/v1/projects?{query}")
    assert (answer.status_code, answer.json()["code"]) == (422, "validation_failed")


@pytest.mark.parametrize("sort", ["name", "-name", "updated_at", "-updated_at"])
async def test_pages_hold_each_project_once(world: World, editor: Actor, sort: str) -> None:
    entity = await world.organisation()
    for number in range(7):
        if number % 3 == 0:
            world.api.state.database.clock.advance(minutes=1)
        body = {"region_code": "152501", "name": f"项目{number % 2}（示例）", "organisation_id": str(entity)}
        await drafted(editor, body)
    whole = (await editor.get(f"/v1/projects?sort={sort}&include_total=true")).json()
    assert whole["total"] == 7
    found, path = [], f"/v1/projects?sort={sort}&limit=2"
    while True:
        page = (await editor.get(path)).json()
        found += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        path = f"/v1/projects?sort={sort}&limit=2&cursor={page['next_cursor']}"
    assert found == [item["id"] for item in whole["items"]]
    key = sort.removeprefix("-")
    values = [item[key] for item in whole["items"]]
    assert values == sorted(values, reverse=sort.startswith("-"))


async def test_statements_do_not_grow_with_the_list(world: World, editor: Actor) -> None:
    counts = []
    for _ in range(2):
        await proposed(world, editor)
        with statements(world) as sent:
            await editor.get("/v1/projects")
        counts.append(len(sent))
    for _ in range(5):
        await proposed(world, editor)
    with statements(world) as sent:
        assert len((await editor.get("/v1/projects")).json()["items"]) == 7
    assert [*counts, len(sent)] == [counts[0]] * 3
