"""Tables in tests: CSV and workbooks made, read, and pushed as the documents that they are read as."""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import xlsxwriter

from app.core.documents import csv as written
from app.core.documents.xlsx import Book, Value
from app.core.errors import DomainError
from app.imports import sheets
from app.imports.reading import csv, xlsx
from app.imports.reading.columns import Lists, all_columns, in_order
from app.imports.reading.rows import Line
from app.imports.reading.xlsx import SHEET

LISTS = Lists(
    {"152501": "二连浩特市", "152502": "锡林浩特市"},
    {
        "ecological_agriculture": "生态农业",
        "ecological_tourism": "生态旅游",
        "ecology_plus": "“生态+”复合产业",
    },
    {
        "central": "中央",
        "county": "旗县级",
        "special_bond": "专项债",
        "bank_loan": "贷款",
        "social_capital": "社会资本",
    },
)
HEAD = "外部编号,项目名称,所属地区,主要转化模式,投资主体,主体类型,建设内容,建设阶段"
ROW = "XL-1,草畜平衡试点（示例）,152501,生态农业,示例单位（示例）,企业,建设内容（示例）,在建"
PLAIN = {
    "external_id": "XL-1",
    "name": "草畜平衡试点（示例）",
    "region_code": "152501",
    "primary_mode": "ecological_agriculture",
    "investment_entity": {"name": "示例单位（示例）", "kind": "enterprise"},
    "construction_content": "建设内容（示例）",
    "building_stage": "construction",
}
MADE = datetime(2026, 3, 2, tzinfo=UTC)


def of_csv(text: str | bytes, named: str | None = None) -> list[Line]:
    body = text.encode() if isinstance(text, str) else text
    return list(csv.rows(io.BytesIO(body), lists=LISTS, named=named))


def of_xlsx(body: bytes) -> list[Line]:
    return list(xlsx.rows(io.BytesIO(body), lists=LISTS))


def one_cell(title: str, text: str) -> tuple[Any, set[tuple[str, str]]]:
    """A row with one more cell in CSV: its document beside the plain one, and its errors."""
    [line] = of_csv(f'{HEAD},{title}\n{ROW},"{text}"\n')
    return more(line)


def more(line: Line) -> tuple[Any, set[tuple[str, str]]]:
    assert {name: line.document[name] for name in PLAIN} == PLAIN
    rest = {name: value for name, value in line.document.items() if name not in PLAIN}
    return rest, {(error.pointer, error.code) for error in line.errors}


def workbook(fill: Callable[[Any], None], **options: Any) -> bytes:
    """A workbook as somebody else's program writes it."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, options) as book:
        fill(book)
    return file.getvalue()


def table(*rows: Sequence[Any], name: str = "Sheet1", **options: Any) -> bytes:
    """A workbook of one sheet. Texts are texts; `=…` with `strings_to_formulas` is none."""

    def fill(book: Any) -> None:
        put(book.add_worksheet(name), rows, book)

    return workbook(fill, **options)


def put(sheet: Any, rows: Sequence[Sequence[Any]], book: Any) -> None:
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            if cell is None or cell == "":
                continue
            if isinstance(cell, str):
                sheet.write_string(row, column, cell)
            elif hasattr(cell, "isoformat"):
                sheet.write_datetime(row, column, cell, day)
            else:
                sheet.write(row, column, cell)


def row(text: str) -> list[str]:
    return text.split(",")


def as_csv(documents: Sequence[dict[str, Any]], lists: Lists = LISTS) -> bytes:
    titles, rows = _exported(documents, lists)
    return written.BOM + written.line(titles) + b"".join(map(written.line, rows))


def as_xlsx(documents: Sequence[dict[str, Any]], lists: Lists = LISTS) -> bytes:
    titles, rows = _exported(documents, lists)
    book = Book(MADE)
    sheet = book.sheet(SHEET)
    sheet.heading(titles)
    for cells in rows:
        sheet.row(cells)
    with book.save() as file:
        return file.read()


def _exported(documents: Sequence[dict[str, Any]], lists: Lists) -> tuple[list[str], list[list[Value]]]:
    keys = in_order(sheets.funding_keys(documents, lists), lists)
    columns = all_columns(keys, lists.sources)
    return [column.heading for column in columns], [sheets.values(one, columns, lists) for one in documents]


@contextmanager
def refused(*expected: tuple[str, str]) -> Iterator[None]:
    """The whole file is refused, with these errors, or this reason of a code."""
    with pytest.raises(DomainError) as caught:
        yield
    found = {(error.pointer, error.code) for error in caught.value.errors}
    if caught.value.reason is not None:
        found.add((caught.value.type.code, caught.value.reason.code))
    assert found == set(expected)


def documents(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """What the lines would be pushed as. None of their cells may be at fault."""
    assert [line for line in lines if line.fault or line.errors] == []
    return [line.document for line in lines]
