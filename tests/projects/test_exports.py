"""The library as files: what one sees, narrowed as the list is, and read back by a push that changes nothing."""

import io
import json
from typing import Any

import pytest
from sqlalchemy import text

from app.imports.exports import dependencies
from app.imports.exports import repository as exports
from app.imports.reading import csv, xlsx
from app.imports.reading.columns import Lists
from app.models.identity import Role
from tests.imports.pushing import REGIONS, counts, receipt, rows_of
from tests.imports.tables import documents
from tests.imports.test_template import live
from tests.projects.library import complete, drafted, proposed, statements
from tests.world import Actor, World

FORMS = ("ndjson", "csv", "xlsx")


def path(form: str) -> str:
    return f"/v1/projects/export.{form}"


async def exported(actor: Actor, form: str, lists: Lists, query: str = "") -> list[dict[str, Any]]:
    answer = await actor.get(path(form) + query)
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    body = io.BytesIO(answer.content)
    match form:
        case "ndjson":
            return [json.loads(line) for line in answer.content.splitlines()]
        case "csv":
            return documents(list(csv.rows(body, lists=lists)))
        case _:
            return documents(list(xlsx.rows(body, lists=lists)))


@pytest.fixture
async def machine(world: World) -> Actor:
    return await world.machine(*REGIONS)


@pytest.fixture
async def lists(world: World) -> Lists:
    return await live(world)


AWKWARD: dict[str, Any] = {
    "external_id": "=1+1",
    "name": "@项目，“引号”;、\t（示例）",
    "construction_content": '-第一行\r\n"第二行",<r>x</r>\nᠮᠣᠩᠭᠣᠯ 😀 _x0041_',
    "secondary_modes": ["“生态+”复合产业", "生态旅游"],
    "funding": [
        {"source": "central", "year": 2026, "planned": "99999999999999.99", "done": "0.01"},
        {"source": "central", "year": 2027, "planned": "0.00", "done": "0.00"},
        {"source": "贷款", "planned": "1234567890123.45", "done": "1.10"},
    ],
    "starts_on": "1900-01-01",
    "ends_on": "2199-12-31",
    "expected_benefits": {"jobs": 0, "household_income_increase": "0.01", "restored_area_mu": "12345678901234.56"},
    "location": {"type": "Point", "coordinates": [-112.000001, -0.5]},
    "national_code": "2405-152501-04-01-123456",
    "axis": "industry_to_ecology",
}


@pytest.mark.parametrize("form", FORMS)
async def test_it_reads_back_and_nothing_changes(
    world: World, machine: Actor, sample: bytes, lists: Lists, form: str
) -> None:
    rows = rows_of(sample)
    bare = {name: value for name, value in rows[0].items() if name not in {"location", "starts_on", "ends_on"}}
    rows += [{**rows[1], **AWKWARD}, {**bare, "external_id": "bare", "funding": []}]
    assert counts(await receipt(machine, rows)) == {"created": 54}
    other = await world.machine(*REGIONS)
    back = await exported(other, form, lists)
    assert {row["external_id"] for row in back} == {row["external_id"] for row in rows}
    assert counts(await receipt(other, back)) == {"unchanged": 54}


@pytest.mark.parametrize("form", FORMS)
async def test_pages_hold_each_project_once(
    world: World, machine: Actor, sample: bytes, lists: Lists, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exports, "PAGE", 10)
    monkeypatch.setattr(dependencies, "PAGE", 10)
    await receipt(machine, sample)
    back = await exported(machine, form, lists)
    assert sorted(row["external_id"] for row in back) == sorted(row["external_id"] for row in rows_of(sample))
    codes = [row["region_code"] for row in back]
    assert codes == sorted(codes)
    with statements(world) as sent:
        await exported(machine, form, lists)
    assert sum("FROM projects" in one for one in sent) <= 10


@pytest.mark.parametrize("form", FORMS)
async def test_each_gets_what_the_list_shows(world: World, lists: Lists, form: str) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    other = await world.person((Role.REGION_EDITOR, "152502"))
    office = await world.person(Role.LEAGUE_OFFICE)
    await drafted(editor, await complete(world, name="草稿（示例）"))
    await proposed(world, editor, name="拟入库（示例）", starts_on="2030-01-01", ends_on="2031-01-01", funding=[])

    async def names(actor: Actor, query: str = "") -> set[str]:
        return {row["name"] for row in await exported(actor, form, lists, query)}

    assert await names(editor) == {"草稿（示例）", "拟入库（示例）"}
    assert await names(office) == {"拟入库（示例）"}
    assert await names(other) == set()
    assert await names(editor, "?membership=draft") == {"草稿（示例）"}
    assert await names(editor, "?year=2030") == {"拟入库（示例）"}
    assert await names(editor, "?region_code=152502") == set()
    for actor, query, status in (
        (editor, "?limit=1", 422),
        (editor, "?membership=member", 422),
        (await world.person(Role.EXPERT), "", 403),
    ):
        assert (await actor.get(path(form) + query)).status_code == status
    assert (await editor.client.get(path(form), headers={"Authorization": ""})).status_code == 401
    assert (await editor.post(path(form))).status_code == 405


async def test_the_id_is_that_of_the_system_asked_for(world: World, sample: bytes, lists: Lists) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    machine = await world.machine("152501", source="province")
    row = {**rows_of(sample)[0], "external_id": "P-1"}
    await receipt(machine, [row])
    await proposed(world, editor)
    assert {one["external_id"] for one in await exported(editor, "ndjson", lists)} == {"P-1", None}
    assert [one["external_id"] for one in await exported(editor, "ndjson", lists, "?source_system=province")] == ["P-1"]
    assert await exported(editor, "ndjson", lists, "?source_system=another") == []


async def test_a_workbook_has_its_limit(
    world: World, machine: Actor, sample: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    await receipt(machine, sample)
    monkeypatch.setattr(dependencies, "MOST_IN_WORKBOOK", 51)
    answer = await machine.get(path("xlsx"))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "export_too_large")
    assert (await machine.get(path("csv"))).status_code == 200


async def test_a_long_export_ends_when_the_rights_do(
    world: World, sample: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page after a change of rights is not sent: the download breaks off."""
    monkeypatch.setattr(exports, "PAGE", 10)
    monkeypatch.setattr(dependencies, "PAGE", 10)
    machine = await world.machine(*REGIONS)
    await receipt(machine, sample)
    office = await world.person(Role.LEAGUE_OFFICE)
    page, turns = exports.page, 0

    async def wall_meanwhile(*args: Any) -> Any:
        nonlocal turns
        turns += 1
        found = await page(*args)
        if turns == 2:
            async with world.admin.administration() as session:
                await session.execute(text("UPDATE principals SET rev = rev + 1 WHERE id = :id"), {"id": office.id})
        return found

    monkeypatch.setattr(exports, "page", wall_meanwhile)
    answer = await office.get(path("ndjson"))
    assert len(answer.content.splitlines()) == 20
    assert turns == 2
