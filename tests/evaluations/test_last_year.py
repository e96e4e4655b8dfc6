"""What was entered later of the year before stands in a self-evaluation, marked, and fills nothing in."""

from typing import Any

import pytest

from tests.evaluations.scene import OTHER, REGION, Year, make_year
from tests.world import Actor, World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world, pool=0)


def sources(items: list[dict[str, Any]], code: str) -> dict[str, dict[str, Any]]:
    [item] = [item for item in items if item["criterion_code"] == code]
    return {source["of"]: source for source in item["prefilled"]["sources"]}


async def test_last_years_values_that_were_entered_later_are_shown_as_such(year: Year) -> None:
    machine = await year.world.machine(REGION, OTHER)
    source = {"title": "2024年统计公报（示例）", "number": None, "date": "2025-03-20"}
    about = {"region_code": REGION, "year": 2024, "indicator_code": "grassland_cover", "source": source}

    async def push(actor: Actor, *rows: dict[str, Any]) -> None:
        told = await actor.post("/v1/imports/indicator-values", {"items": list(rows)})
        assert told.json()["outcome"] == "succeeded", told.text

    await push(machine, {**about, "value": "45.00"}, {**about, "year": 2023, "value": "1.00"})
    # A correction stands in its place; another region's, and another year's, are not this one's.
    await push(machine, {**about, "value": "45.26"}, {**about, "region_code": OTHER, "value": "2.00"})
    await push(year.editor, {**about, "value": "45.30"})
    path = await year.begun()
    items = (await year.editor.get(f"{path}/items")).json()["items"]
    marked = {"entered_later": True, "year": 2024, "source": source}
    assert sources(items, "grassland")["grassland_cover"]["last_year"] == [
        {**marked, "value": "45.26", "source_system": "province-projects"},
        {**marked, "value": "45.3", "source_system": f"region-{REGION}"},
    ]
    assert sources(items, "grassland")["stocking_rate"]["last_year"] == []
    # A value is what somebody said: no figure of the region's is filled in from it.
    assert {item["reported_value"] for item in items} == {None}
