"""Regions and code lists: complete, in order, paged, readable by everybody who is somebody."""

import pytest
from httpx import AsyncClient

from app.directory.load import load_reference_data
from app.models.identity import Role
from tests.world import World

LISTS = {
    "/v1/conversion-modes": 8,
    "/v1/funding-sources": 9,
    "/v1/indicators": None,
    "/v1/relations": None,
}


async def test_the_league_and_its_thirteen_assessed_regions(world: World) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    every = (await editor.get("/v1/regions", params={"include_total": True})).json()
    assert every["total"] == 14
    codes = [region["code"] for region in every["items"]]
    assert codes == sorted(codes)
    assessed = (await editor.get("/v1/regions", params={"assessed": True})).json()["items"]
    assert len(assessed) == 13
    assert {region["parent_code"] for region in assessed} == {"152500"}
    [league] = (await editor.get("/v1/regions", params={"assessed": False})).json()["items"]
    assert (league["code"], league["level"]) == ("152500", "league")


async def test_wulagai_has_a_statistical_code_and_a_management_committee(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    region = (await office.get("/v1/regions/152571")).json()
    assert (region["code_system"], region["org_type"]) == ("NBS", "管委会")


async def test_an_unknown_region_is_not_found(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    for code in ("999999", "x", "%F0%9F%90%91"):
        assert (await office.get(f"/v1/regions/{code}")).status_code == 404


@pytest.mark.parametrize("path", LISTS)
async def test_code_lists_are_whole_and_unique(world: World, path: str) -> None:
    machine = await world.machine("152501")
    items = (await machine.get(path, params={"limit": 200})).json()["items"]
    assert items
    if LISTS[path] is not None:
        assert len(items) == LISTS[path]
    assert len({item["code"] for item in items}) == len(items)
    assert all(item["name_zh"] and item["name_en"] for item in items)


async def test_pages_give_every_mode_once_in_its_own_order(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    whole = [mode["code"] for mode in (await office.get("/v1/conversion-modes")).json()["items"]]
    seen: list[str] = []
    page = (await office.get("/v1/conversion-modes", params={"limit": 3})).json()
    seen += [mode["code"] for mode in page["items"]]
    while page["next_cursor"]:
        page = (await office.get("/v1/conversion-modes", params={"limit": 3, "cursor": page["next_cursor"]})).json()
        seen += [mode["code"] for mode in page["items"]]
    assert seen == whole


@pytest.mark.parametrize("path", ["/v1/regions", "/v1/regions/152501", *LISTS])
async def test_without_a_token_or_with_unknown_parameters(world: World, http: AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 401
    office = await world.person(Role.LEAGUE_OFFICE)
    refused = await office.get(path, params={"nonsense": "1"})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "unknown_parameter")


async def test_a_token_without_the_scope_is_refused(world: World) -> None:
    narrow = await world.person(Role.LEAGUE_OFFICE, scopes=frozenset({"plans:read"}))
    for path in ("/v1/regions", "/v1/regions/152501", *LISTS):
        assert (await narrow.get(path)).json()["code"] == "insufficient_scope"


async def test_loading_again_changes_nothing(world: World) -> None:
    before = await world.rows("SELECT * FROM regions ORDER BY code")
    async with world.admin.administration() as session:
        await load_reference_data(session)
    assert await world.rows("SELECT * FROM regions ORDER BY code") == before
