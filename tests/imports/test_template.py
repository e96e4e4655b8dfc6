"""The template: made of the live lists, and read as it was filled."""

import io
import re
import zipfile
from xml.sax.saxutils import escape

import pytest
import python_calamine
from sqlalchemy import text

from app.imports import repository
from app.imports.exports import template
from app.imports.reading import xlsx
from app.imports.reading.columns import EXAMPLE, PLAIN, Lists
from app.imports.reading.header import letters
from app.imports.reading.xlsx import SHEET
from tests.imports.pushing import REGIONS, counts, receipt
from tests.imports.tables import LISTS, MADE, documents
from tests.imports.test_xlsx import rezipped
from tests.world import Actor, World

PATH = "/v1/imports/projects/template.xlsx"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def built(lists: Lists = LISTS) -> bytes:
    with template.build(lists, MADE) as file:
        return file.read()


def part(body: bytes, name: str) -> str:
    return zipfile.ZipFile(io.BytesIO(body)).read(name).decode()


def filled(body: bytes, *rows: dict[str, str]) -> bytes:
    """Rows typed under the example, as a person would; by title, in the file's own order of columns."""
    titles = [
        str(cell).removesuffix(" *")
        for cell in python_calamine.CalamineWorkbook.from_object(io.BytesIO(body))
        .get_sheet_by_name(SHEET)
        .to_python()[0]
    ]
    typed = ""
    for number, cells in enumerate(rows, 3):
        assert set(cells) <= set(titles)
        typed += f'<row r="{number}">'
        for index, title in enumerate(titles):
            if title in cells:
                place = letters(index) + str(number)
                typed += f'<c r="{place}" t="inlineStr"><is><t>{escape(cells[title])}</t></is></c>'
        typed += "</row>"

    def change(name: str, old: bytes) -> bytes:
        return old.replace(b"</sheetData>", typed.encode() + b"</sheetData>") if name.endswith("sheet1.xml") else old

    return rezipped(body, change)


ROW = {
    "外部编号": "00017",
    "项目名称": "草畜平衡试点（示例）",
    "所属地区": "152501 二连浩特市",
    "主要转化模式": "生态农业",
    "其他转化模式": "“生态+”复合产业、生态旅游",
    "投资主体": "示例牧业有限公司（示例）",
    "主体类型": "企业",
    "建设内容": "草畜平衡核定（示例）",
    "建设阶段": "在建",
    "开工日期": "2026/5/1",
    "中央计划（万元）": "889",
    "中央完成（万元）": "261.6639",
    "新增就业（人）": "12",
    "集体经济年增收（万元）": "25",
    "经度": "112.0517",
    "纬度": "43.7905",
    "转化方向": "生态产业化",
}


def test_nothing_is_read_of_an_empty_one() -> None:
    body = built()
    assert list(xlsx.rows(io.BytesIO(body), lists=LISTS)) == []
    titles = xlsx.titles(io.BytesIO(body), lists=LISTS)
    assert titles[0] == "外部编号 *"
    assert len(titles) == len(PLAIN) + 2 * len(LISTS.sources)
    assert built() == body


def test_each_drop_down_names_its_list() -> None:
    body = built()
    sheet, lists = part(body, "xl/worksheets/sheet1.xml"), part(body, "xl/worksheets/sheet3.xml")
    found = dict(
        re.findall(r'<dataValidation type="list"[^>]*sqref="([A-Z]+)2:[A-Z]+2001"><formula1>(.*?)</formula1>', sheet)
    )
    assert found == {
        "C": "'选项'!$A$2:$A$3",
        "D": "'选项'!$B$2:$B$4",
        "E": "'选项'!$B$2:$B$4",
        "G": "'选项'!$C$2:$C$13",
        "J": "'选项'!$D$2:$D$7",
        letters(len(PLAIN) + 2 * len(LISTS.sources) - 1): "'选项'!$E$2:$E$3",
    }
    assert "152502 锡林浩特市" in lists
    assert '<pane xSplit="2" ySplit="1"' in sheet
    assert EXAMPLE in sheet
    # What is typed into a column of codes stays a text: 00017 is no 17.
    styles = part(body, "xl/styles.xml")
    [style] = re.findall(r'<col min="1" max="1" [^>]*style="(\d+)"', sheet)
    formats = re.findall(r'<xf numFmtId="(\d+)"', styles.split("<cellXfs")[1])
    assert formats[int(style)] == "49"
    book = python_calamine.CalamineWorkbook.from_object(io.BytesIO(body))
    assert book.sheet_names == [SHEET, "填写说明", "选项"]


async def test_filled_and_pushed(world: World) -> None:
    machine = await world.machine(*REGIONS)
    answer = await machine.get(PATH)
    assert (answer.status_code, answer.headers["content-type"]) == (200, XLSX)
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert "attachment" in answer.headers["content-disposition"]
    lists = await live(world)
    body = filled(answer.content, ROW, {**ROW, "外部编号": "00018"})
    pushed = documents(list(xlsx.rows(io.BytesIO(body), lists=lists)))
    assert [one["external_id"] for one in pushed] == ["00017", "00018"]
    assert counts(await receipt(machine, pushed)) == {"created": 2}
    [item] = (await machine.get("/v1/projects?limit=1")).json()["items"]
    assert (item["funding_planned"], item["funding_done"]) == ("8890000.00", "2616639.00")


async def test_the_lists_are_those_of_now(world: World) -> None:
    machine = await world.machine("152501")
    async with world.admin.administration() as session:
        await session.execute(
            text("INSERT INTO funding_sources (code, name_zh, name_en, position) VALUES ('gift', '捐赠', 'Gift', 99)")
        )
    titles = xlsx.titles(io.BytesIO((await machine.get(PATH)).content), lists=await live(world))
    assert "捐赠计划（万元）" in titles


async def live(world: World) -> Lists:
    async with world.admin.administration() as session:
        return await repository.lists(session)


@pytest.fixture
async def reader(world: World) -> Actor:
    return await world.machine("152501", scopes=frozenset({"imports:read"}))


async def test_who_gets_it(world: World, reader: Actor) -> None:
    assert (await reader.get(PATH)).status_code == 200
    editor = await world.machine("152501", scopes=frozenset({"projects:read"}))
    assert (await editor.get(PATH)).json()["code"] == "insufficient_scope"
    assert (await reader.client.get(PATH, headers={"Authorization": ""})).status_code == 401
    assert (await reader.get(f"{PATH}?year=2026")).status_code == 422
    assert (await reader.post(PATH)).status_code == 405
