"""Workbooks: the right sheet, the right rows, cells as they are meant; a bomb or a damaged one refused."""

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core.errors import Invalid, PayloadTooLarge
from app.imports.reading import workbook, xlsx
from app.imports.reading.header import letters
from app.imports.reading.xlsx import SHEET
from tests.imports.tables import (
    HEAD,
    LISTS,
    PLAIN,
    ROW,
    more,
    of_xlsx,
    put,
    refused,
    row,
    table,
)
from tests.imports.tables import workbook as made

TITLES, CELLS = row(HEAD), row(ROW)


def cell(title: str, value: Any, **options: Any) -> tuple[Any, set[tuple[str, str]]]:
    [line] = of_xlsx(table([*TITLES, title], [*CELLS, value], **options))
    return more(line)


def test_a_plain_sheet() -> None:
    [line] = of_xlsx(table(TITLES, CELLS))
    assert (line.document, line.errors, line.cells) == (PLAIN, (), tuple(CELLS))
    assert xlsx.titles(io.BytesIO(table(TITLES, CELLS)), lists=LISTS) == tuple(TITLES)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (date(2026, 5, 1), "2026-05-01"),
        (datetime(2026, 5, 1), "2026-05-01"),  # noqa: DTZ001 - a cell has no zone
        ("2026年5月1日", "2026-05-01"),
        (46143, "2026-05-01"),
        (20260501, "2026-05-01"),
        ("46143", "date_serial"),
        (46143.5, "not_a_date"),
        (2026, "not_a_date"),
        (datetime(2026, 5, 1, 8), "not_a_date"),  # noqa: DTZ001
        (time(8), "not_a_date"),
        (True, "not_a_date"),
    ],
)
def test_dates(value: Any, expected: str) -> None:
    good = expected[0].isdigit()
    errors = set() if good else {("/starts_on", expected)}
    assert cell("开工日期", value) == ({"starts_on": expected} if good else {}, errors)


def test_a_workbook_that_counts_its_days_from_1904() -> None:
    for value in (date(2026, 5, 1), 46143 - 1462):
        assert cell("开工日期", value, date_1904=True) == ({"starts_on": "2026-05-01"}, set())


@pytest.mark.parametrize(
    ("title", "value", "expected"),
    [
        ("新增就业（人）", 39, {"expected_benefits": {"jobs": 39}}),
        ("新增就业（人）", 39.5, "not_whole"),
        ("新增就业（人）", True, "not_a_number"),
        ("新增就业（人）", date(2026, 5, 1), "not_a_number"),
        ("集体经济年增收（万元）", 0.1 + 0.2, {"expected_benefits": {"collective_income": "3000.00"}}),
        ("集体经济年增收（万元）", 100 / 3, "too_precise"),
        ("集体经济年增收（万元）", "１.５万元", {"expected_benefits": {"collective_income": "15000.00"}}),
        ("集体经济年增收（万元）", 1e300, "out_of_range"),
        ("中央计划（万元）", 889, {"funding": [{"source": "central", "planned": "8890000.00"}]}),
    ],
)
def test_numbers(title: str, value: Any, expected: Any) -> None:
    rest, errors = cell(title, value)
    if isinstance(expected, str):
        assert {code for _, code in errors} == {expected}
    else:
        assert (rest, errors) == (expected, set())


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (17, "17"),
        (123456789012345, "123456789012345"),
        (1234567890123456, None),
        (1.5, None),
        (date(2026, 5, 1), None),
        (True, None),
        ("=1+1", "=1+1"),
        ("a\rb\nc\td", "a\rb\nc\td"),
        ("_x0041_", "_x0041_"),
        ("ᠮᠣᠩᠭᠣᠯ 😀", "ᠮᠣᠩᠭᠣᠯ 😀"),
    ],
)
def test_texts(value: Any, expected: str | None) -> None:
    rest, errors = cell("阶段变更理由", value)
    assert rest == ({} if expected is None else {"stage_reason": expected})
    assert errors == ({("/stage_reason", "not_text")} if expected is None else set())


def test_formulas_and_error_values() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        put(sheet, [[*TITLES, "新增就业（人）", "带动农牧户（户）", "阶段变更理由", "经度", "纬度"], CELLS], book)
        sheet.write_formula(1, 8, "=1+2", None, 3)
        sheet.write_formula(1, 9, "=A1", None, "")
        sheet.write_formula(1, 10, '="甲"&"乙"', None, "甲乙")
        sheet.write_formula(1, 11, "=A1/0", None, "#DIV/0!")
        sheet.write_formula(1, 12, "=#REF!", None, "#REF!")

    [line] = of_xlsx(made(fill))
    assert more(line) == (
        {"expected_benefits": {"jobs": 3}, "stage_reason": "甲乙"},
        {
            ("/expected_benefits/households", "formula_without_value"),
            ("/location/coordinates/0", "cell_error"),
            ("/location/coordinates/1", "cell_error"),
        },
    )
    assert line.cells[8:] == ("3", "", "甲乙", "#DIV/0!", "#REF!")


def test_the_countys_order_titles_above_and_two_rows_of_header() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        put(sheet, [["重点项目报送表（示例）"], [*[None] * 9, "单位：万元"]], book)
        sheet.merge_range(0, 0, 0, 11, "重点项目报送表（示例）")
        upper = [*TITLES, "中央", None, "2026年贷款", None]
        put(sheet, [*[[]] * 2, upper, [*[None] * 8, "计划", "完成", "计划", "完成"]], book)
        for index, title in enumerate(TITLES):
            sheet.merge_range(2, index, 3, index, title)
        sheet.merge_range(2, 8, 2, 9, "中央")
        sheet.merge_range(2, 10, 2, 11, "2026年贷款")
        rows = [[f"B-{number}", *CELLS[1:], 3, 1, 2, 0] for number in (9, 1, 5)]
        put(sheet, [*[[]] * 4, *rows], book)

    lines = of_xlsx(made(fill))
    assert [line.document["external_id"] for line in lines] == ["B-9", "B-1", "B-5"]
    assert lines[0].document["funding"] == [
        {"source": "central", "planned": "30000.00", "done": "10000.00"},
        {"source": "bank_loan", "year": 2026, "planned": "20000.00", "done": "0.00"},
    ]


def test_groups_above_the_name() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        put(sheet, [[], [*TITLES, "计划", "完成"], [*CELLS, 3, 1]], book)
        sheet.merge_range(0, 0, 0, 7, "基本情况")
        sheet.merge_range(0, 8, 0, 9, "中央（万元）")

    [line] = of_xlsx(made(fill))
    assert line.document["funding"] == [{"source": "central", "planned": "30000.00", "done": "10000.00"}]


def test_what_is_merged_in_the_rows() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        put(sheet, [[*TITLES, "新增就业（人）"], [*CELLS, 5], ["XL-2", *CELLS[1:]]], book)
        sheet.merge_range(1, 2, 2, 2, "152502")
        sheet.merge_range(1, 8, 2, 8, 5)

    first, second = of_xlsx(made(fill))
    assert [line.document["region_code"] for line in (first, second)] == ["152502"] * 2
    assert (first.errors, first.document["expected_benefits"]) == ((), {"jobs": 5})
    assert [(error.pointer, error.code) for error in second.errors] == [("/expected_benefits/jobs", "merged_cell")]


Sheets = Sequence[tuple[str, Sequence[Sequence[Any]], bool]]
FULL = [TITLES, CELLS]


def sheets(*listed: tuple[str, Sequence[Sequence[Any]], bool]) -> bytes:
    def fill(book: Any) -> None:
        for name, rows, shown in listed:
            sheet = book.add_worksheet(name)
            put(sheet, rows, book)
            if not shown:
                sheet.hide()

    return made(fill)


@pytest.mark.parametrize(
    "listed",
    [
        [("甲", FULL, True)],
        [("甲", FULL, True), ("Sheet2", [], True), ("Sheet3", [], True)],
        [("说明", [["说明"]], True), (SHEET, FULL, True)],
        [("甲", FULL, True), ("乙", [["另一张"]], False)],
        [("甲", FULL, True), (SHEET, [["藏起来的"]], False)],
    ],
)
def test_the_sheet_that_is_meant(listed: Sheets) -> None:
    assert [line.document for line in of_xlsx(sheets(*listed))] == [PLAIN]


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ([("甲", FULL, True), ("乙", FULL, True)], "several_sheets"),
        ([("甲", FULL, True), ("乙", [["说明"]], True)], "several_sheets"),
        ([("甲", [], True), ("乙", [], True)], "header_missing"),
        ([("甲", [["说明"]], True), ("乙", FULL, False)], "header_missing"),
        ([("甲", [], True)], "header_missing"),
    ],
)
def test_a_sheet_that_is_not_certain(listed: Sheets, code: str) -> None:
    with refused(("", code)):
        of_xlsx(sheets(*listed))


def test_rows_empty_and_untitled_cells() -> None:
    lines = of_xlsx(table(TITLES, CELLS, [], [" "], [*CELLS, "x"], [], []))
    assert [line.fault for line in lines] == [None, "empty_row", "empty_row", None]
    assert [error.code for error in lines[3].errors] == ["cell_without_column"]


def rezipped(body: bytes, change: Callable[[str, bytes], bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return file.getvalue()


def in_sheet(pattern: str, replacement: str) -> bytes:
    def change(name: str, part: bytes) -> bytes:
        if not name.endswith("sheet1.xml"):
            return part
        changed = re.sub(pattern, replacement, part.decode(), count=1, flags=re.DOTALL)
        assert changed != part.decode()
        return changed.encode()

    return rezipped(table(TITLES, CELLS), change)


GOOD = table(TITLES, CELLS)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "not_a_workbook"),
        (b"x" * 100, "not_a_workbook"),
        (HEAD.encode(), "not_a_workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000, "old_workbook"),
        (GOOD[:-30], "damaged_workbook"),
        (GOOD[: len(GOOD) // 2], "damaged_workbook"),
        (in_sheet("<sheetData>", '<!DOCTYPE x [<!ENTITY e "1">]><sheetData>'), "damaged_workbook"),
        (in_sheet('<row r="2"', '<row r="0"'), "damaged_workbook"),
        (in_sheet('<row r="2"', '<row r="1"'), "damaged_workbook"),
        (in_sheet('<c r="B2"', '<c r="A2"'), "damaged_workbook"),
        (in_sheet('<c r="B2"', '<c r="B3"'), "damaged_workbook"),
        (in_sheet('<c r="B2"', '<c r="ZZZZZZZ2"'), "damaged_workbook"),
        (in_sheet("</sheetData>", ""), "damaged_workbook"),
    ],
)
def test_what_is_no_workbook(body: bytes, code: str) -> None:
    with refused(("", code)):
        of_xlsx(body)


def test_an_archive_that_is_something_else() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    with refused(("", "not_a_workbook")):
        of_xlsx(file.getvalue())


@pytest.mark.parametrize(
    "body",
    [
        in_sheet('<row r="2"(.*?)r="A2"', r'<row r="1048576"\1r="A1048576"'),
        table([*TITLES, *[""] * 2_048, "x"], CELLS),
        table(*[[1] * 100] * 10_001),
        table(TITLES, *[CELLS] * 20_000),
    ],
    ids=["far row", "far column", "cells", "rows"],
)
def test_a_sheet_that_is_too_large(body: bytes) -> None:
    with refused(("payload_too_large", "workbook_too_large")):
        of_xlsx(body)


def bomb(declared: int | None) -> bytes:
    """A sheet that inflates to 200 MB; its directory may say that it is small."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(GOOD)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, b" " * 200_000_000 if name.endswith("sheet1.xml") else old.read(name))
    body = bytearray(file.getvalue())
    if declared is not None:
        for signature, offset in ((b"PK\x03\x04", 14), (b"PK\x01\x02", 16)):
            place = 0
            while (place := body.find(signature, place)) >= 0:
                if struct.unpack_from("<I", body, place + offset + 8)[0] == 200_000_000:
                    struct.pack_into("<I", body, place + offset, zlib.crc32(b" " * declared))
                    struct.pack_into("<I", body, place + offset + 8, declared)
                place += 4
    return bytes(body)


def test_a_bomb_is_counted_whatever_it_says_of_itself() -> None:
    honest, lying = bomb(None), bomb(1_000)
    assert max(len(honest), len(lying)) < 300_000
    with refused(("payload_too_large", "workbook_too_large")):
        of_xlsx(honest)
    with refused(("", "damaged_workbook")):
        of_xlsx(lying)
    with pytest.raises(PayloadTooLarge):
        of_xlsx(GOOD + b"\0" * workbook.MAX_BYTES)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_bytes_raise_anything_else(data: st.DataObject) -> None:
    """Cut, flipped or overwritten, as an archive and as the parts in it."""
    body = bytearray(GOOD)
    if data.draw(st.booleans()):
        names = zipfile.ZipFile(io.BytesIO(GOOD)).namelist()
        chosen = data.draw(st.sampled_from(names))
        body = bytearray(rezipped(GOOD, lambda name, part: spoiled(data, part) if name == chosen else part))
    else:
        body = bytearray(spoiled(data, GOOD))
    with suppress(Invalid, PayloadTooLarge):
        for line in of_xlsx(bytes(body)):
            assert len(line.cells) >= 8


def spoiled(data: st.DataObject, part: bytes) -> bytes:
    spoilt = bytearray(part)
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt[place] ^= data.draw(st.integers(1, 255))
    if data.draw(st.booleans()):
        del spoilt[data.draw(st.integers(0, len(spoilt))) :]
    return bytes(spoilt)


@given(st.integers(0, 16_383))
def test_columns_by_their_letters(index: int) -> None:
    assert workbook._place(f"{letters(index)}1") == (0, index)
