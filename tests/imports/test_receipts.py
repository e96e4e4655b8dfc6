"""Receipts as files: the sender's columns, then what became of each row."""

import csv as reading
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import python_calamine

from app.core.documents.xlsx import Book
from app.imports import receipts
from app.imports.reading import csv
from app.imports.reading.rows import Line
from app.imports.receipts import Original
from tests.imports.tables import HEAD, LISTS, MADE, PLAIN, ROW, of_csv

PROJECT = UUID("0197f3a0-5b1c-7c3d-9e2f-1a2b3c4d5e6f")


@dataclass
class Row:
    index: int
    action: str
    project_id: UUID | None = None
    changes: list[str] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)
    entry_id: UUID | None = None


def error(pointer: str, code: str) -> dict[str, Any]:
    return {"pointer": pointer, "code": code}


BODY = (
    f"{HEAD},备注用不到的别名（项目ID）\n".replace("备注用不到的别名（项目ID）", "项目ID") + f"{ROW},=1+1\n\n{ROW},\n"
)
ROWS = [
    Row(0, "updated", PROJECT, ["funding", "name", "expected_benefits"]),
    Row(1, "rejected", errors=[error("", "empty_row")]),
    Row(
        2,
        "rejected",
        errors=[error("/external_id", "duplicate"), error("/expected_benefits", "required")],
    ),
]


def as_csv(original: Original, lines: list[Line], language: str) -> list[list[str]]:
    pairs = list(zip(lines, ROWS, strict=True))
    body = receipts.csv_head(original, language) + receipts.csv_rows(original, pairs, LISTS, language)
    assert body.startswith(b"\xef\xbb\xbf")
    return list(reading.reader(io.StringIO(body.decode("utf-8-sig"), newline="")))


def as_xlsx(original: Original, lines: list[Line], language: str) -> list[list[str]]:
    book = Book(MADE)
    sheet = receipts.begin_sheet(book, original, language)
    receipts.fill_sheet(sheet, original, list(zip(lines, ROWS, strict=True)), LISTS, language)
    with book.save() as file:
        shown = python_calamine.CalamineWorkbook.from_object(io.BytesIO(file.read())).get_sheet_by_index(0)
        return [[str(int(cell)) if isinstance(cell, float) else str(cell) for cell in row] for row in shown.to_python()]


Form = Callable[[Original, list[Line], str], list[list[str]]]


@pytest.mark.parametrize("form", [as_csv, as_xlsx])
def test_of_a_table(form: Form) -> None:
    original = Original.table(csv.titles(io.BytesIO(BODY.encode()), lists=LISTS))
    head, first, second, third = form(original, of_csv(BODY), "zh")
    assert head == [*HEAD.split(","), "项目ID", "行号", "结果", "项目ID", "变更字段", "错误"]
    formula = "'=1+1" if form is as_csv else "=1+1"
    assert first == [*ROW.split(","), formula, "1", "更新", str(PROJECT), "资金、项目名称、预期效益", ""]
    assert second == [*[""] * 9, "2", "拒绝", "", "", "空行"]
    assert third[9:13] == ["3", "拒绝", "", ""]
    benefits = "新增就业、带动农牧户、户均年增收、集体经济年增收、生态修复面积"
    assert third[13] == f"外部编号：重复；{benefits}：必填"
    english = form(original, of_csv(BODY), "en")
    assert english[0][9:] == ["Row", "Result", "Project id", "Changed", "Errors"]
    assert english[1][10:] == ["updated", str(PROJECT), "funding, name, expected_benefits", ""]
    assert english[3][13].startswith("外部编号: given more than once; ")


def test_of_documents() -> None:
    document = {
        **PLAIN,
        "funding": [
            {"source": "贷款", "year": 2026, "planned": "15000.00", "done": "x"},
            {"source": "未知", "planned": "1", "done": "1"},
        ],
        "secondary_modes": ["a", "b"],
        "location": {"type": "Point", "coordinates": [112.05]},
    }
    lines = [Line(document), Line(None, "malformed_json"), Line([1])]
    original = Original.documents(lines, LISTS)
    rows = [
        Row(
            0,
            "rejected",
            errors=[error("/funding/0/done", "invalid_format"), error("/funding/1/source", "invalid_choice")],
        ),
        Row(1, "rejected", errors=[error("", "malformed_json")]),
        Row(2, "rejected", errors=[error("", "wrong_type"), error("/nobody's", "unknown_field")]),
    ]
    pairs = list(zip(lines, rows, strict=True))
    body = (receipts.csv_head(original, "zh") + receipts.csv_rows(original, pairs, LISTS, "zh")).decode("utf-8-sig")
    told = list(reading.DictReader(io.StringIO(body, newline="")))
    assert told[0]["2026年贷款计划（万元）"] == "1.5"
    assert told[0]["2026年贷款完成（万元）"] == "x"
    assert (told[0]["其他转化模式"], told[0]["经度"], told[0]["纬度"]) == ("a、b", "112.05", "")
    assert told[0]["错误"] == "2026年贷款完成：格式不正确；资金第 2 项：不在可选值之内"
    assert told[1]["错误"] == "不是合法的 JSON"
    assert told[2]["错误"] == "类型不正确；/nobody's：未知字段"
