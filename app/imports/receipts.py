"""Receipts as files: the sender's own columns first, then what became of each row, in words (pure)."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from app.core.documents import csv
from app.core.documents.xlsx import Book, Sheet, Value
from app.core.errors import FieldError
from app.imports import sheets
from app.imports.reading.columns import Lists, all_columns, in_order
from app.imports.reading.rows import Line

_ADDED = {
    "zh": ("行号", "结果", "项目ID", "变更字段", "错误"),
    "en": ("Row", "Result", "Project id", "Changed", "Errors"),
}
_ENTRY = {"zh": "记录ID", "en": "Entry id"}
_ACTIONS = {
    "zh": {
        "created": "新建",
        "updated": "更新",
        "proposed": "待审定",
        "unchanged": "未变",
        "rejected": "拒绝",
        "not_applied": "未执行",
    },
    "en": {},
}
_MEMBERS = {
    "investment_entity": "投资主体",
    "funding": "资金",
    "expected_benefits": "预期效益",
    "location": "位置",
}
_SHEET = {"zh": "回执", "en": "Receipt"}
# What a cell of a workbook can hold.
_MOST_TEXT = 32_000


class ReceiptRow(Protocol):
    """What became of one row: `errors` are objects with `pointer` and `code`."""

    @property
    def index(self) -> int: ...
    @property
    def project_id(self) -> UUID | None: ...
    @property
    def entry_id(self) -> UUID | None: ...
    @property
    def action(self) -> str: ...
    @property
    def changes(self) -> Sequence[str]: ...
    @property
    def errors(self) -> Sequence[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Original:
    """The columns as they were sent, and a row's texts in them."""

    titles: tuple[str, ...]
    of: Callable[[Line], Sequence[str]]
    # Of rows that are no projects: their members, with the titles.
    named: Mapping[str, str] | None = None

    @classmethod
    def table(cls, titles: Sequence[str]) -> "Original":
        """Of CSV or a workbook: the sender's own columns."""
        width = len(titles)
        return cls(tuple(titles), lambda line: [*line.cells[:width], *[""] * (width - len(line.cells))])

    @classmethod
    def documents(cls, lines: Iterable[Line], lists: Lists) -> "Original":
        """Of JSON or NDJSON: the template's columns, with the years that the rows name (read once for that)."""
        keys = sheets.funding_keys((line.document for line in lines), lists)
        columns = all_columns(in_order(keys, lists), lists.sources)
        return cls(
            tuple(column.heading for column in columns), lambda line: sheets.texts(line.document, columns, lists)
        )

    @classmethod
    def members(cls, named: Mapping[str, str]) -> "Original":
        """Of documents that are no projects: a column for each member."""
        return cls(tuple(named.values()), lambda line: [_member(line.document, name) for name in named], named)

    def head(self, language: str) -> list[str]:
        index, action, identity, *more = _ADDED[language]
        return [*self.titles, index, action, identity if self.named is None else _ENTRY[language], *more]


def _member(document: Any, name: str) -> str:
    value = document.get(name) if isinstance(document, Mapping) else None
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


Pairs = Iterable[tuple[Line, ReceiptRow]]


def csv_head(original: Original, language: str) -> bytes:
    return csv.BOM + csv.line(original.head(language))


def csv_rows(original: Original, pairs: Pairs, lists: Lists, language: str) -> bytes:
    """Some rows of the receipt as CSV, each with the line that it is about."""
    return b"".join(
        csv.line([*original.of(line), *_added(line, row, lists, language, original.named)]) for line, row in pairs
    )


def begin_sheet(book: Book, original: Original, language: str) -> Sheet:
    """The receipt's sheet, with its head."""
    sheet = book.sheet(_SHEET[language])
    sheet.widths([16] * len(original.titles) + [8, 10, 38, 30, 60])
    sheet.freeze(1, 0)
    sheet.heading(original.head(language))
    return sheet


def fill_sheet(sheet: Sheet, original: Original, pairs: Pairs, lists: Lists, language: str) -> None:
    for line, row in pairs:
        cells = [*original.of(line), *_added(line, row, lists, language, original.named)]
        sheet.row([cell[:_MOST_TEXT] if isinstance(cell, str) else cell for cell in cells])


def _added(line: Line, row: ReceiptRow, lists: Lists, language: str, named: Mapping[str, str] | None) -> list[Value]:
    identity = row.project_id if named is None else row.entry_id
    return [
        row.index + 1,
        _ACTIONS[language].get(row.action, row.action),
        None if identity is None else str(identity),
        _changed(row.changes, lists, language, named),
        _wrong(line, row.errors, lists, language, named),
    ]


def _changed(changes: Sequence[str], lists: Lists, language: str, named: Mapping[str, str] | None) -> str:
    if language == "en":
        return ", ".join(changes)
    if named is not None:
        return "、".join(named[name] for name in changes)
    return "、".join(_MEMBERS.get(name) or sheets.title_of(f"/{name}", None, lists) for name in changes)


def _wrong(
    line: Line, errors: Sequence[Mapping[str, Any]], lists: Lists, language: str, named: Mapping[str, str] | None
) -> str:
    """Each error by its column's title, and in words."""
    told = []
    for error in errors:
        words = FieldError(error["pointer"], error["code"]).words(language)
        if named is None:
            title = sheets.title_of(error["pointer"], line.document, lists)
        else:
            title = named.get(error["pointer"].split("/")[1], error["pointer"]) if error["pointer"] else ""
        colon = ": " if language == "en" else "："
        told.append(f"{title}{colon}{words}" if title else words)
    return ("; " if language == "en" else "；").join(told)
