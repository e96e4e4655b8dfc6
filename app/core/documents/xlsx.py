"""Workbooks, written row by row in constant memory. No text in them is ever a formula or a link."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import IO, Any

import xlsxwriter

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "nan_inf_to_errors": False,
}
# A spreadsheet keeps fifteen digits of a number, and counts a day that never was before this one.
_MOST_DIGITS, _FIRST_DAY = 15, date(1900, 3, 1)
# General by its name (the writer takes its number, 0, for the format "0", which shows no decimals), and by its number
# Text, in which what is typed stays as it is.
_GENERAL, _TEXT, _DAY = "General", 49, "yyyy-mm-dd"
_A3 = 8

Value = str | int | Decimal | date | None


class Book:
    """A workbook in the making. The same content and time give the same bytes."""

    def __init__(self, created: datetime) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - handed on by `save`
        self._book = xlsxwriter.Workbook(self._file, dict(_OPTIONS))
        self._book.set_properties({"created": created.replace(tzinfo=None)})
        self._formats: dict[tuple[tuple[str, Any], ...], Any] = {}

    def sheet(self, name: str) -> "Sheet":
        return Sheet(self, self._book.add_worksheet(name))

    def format(self, **properties: Any) -> Any:
        """A cell's format, made once."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._book.add_format(properties)
        return self._formats[key]

    def save(self) -> IO[bytes]:
        """The finished file, at its start; the caller closes it."""
        self._book.close()
        self._file.seek(0)
        return self._file

    def drop(self) -> None:
        """Give up a workbook that is not finished."""
        with suppress(Exception):
            self._book.close()
        self._file.close()


class Sheet:
    """One sheet; its rows are written from the first to the last. `look`: properties of a format, beside the ones
    that the kind of value brings."""

    def __init__(self, book: Book, sheet: Any) -> None:
        self._book = book
        self._sheet = sheet
        self._next = 0

    def widths(self, widths: Sequence[int], *, text: Sequence[bool] = ()) -> None:
        """How wide the columns are, and which of them hold texts, also where nothing is written yet."""
        for index, width in enumerate(widths):
            shape = self._shape(_TEXT, {}) if index < len(text) and text[index] else None
            self._sheet.set_column(index, index, width, shape)

    def freeze(self, rows: int, columns: int) -> None:
        self._sheet.freeze_panes(rows, columns)

    def printed(self, *, across: int = 1, named_by: int = 0) -> None:
        """On paper (A3, across) so many pages beside one another hold all columns; each page has the heading, and the
        first columns by which its rows are known."""
        self._sheet.set_landscape()
        self._sheet.set_paper(_A3)
        self._sheet.fit_to_pages(across, 0)
        self._sheet.repeat_rows(0)
        if named_by:
            self._sheet.repeat_columns(0, named_by - 1)

    def height(self, row: int, points: float) -> None:
        self._sheet.set_row(row, points)

    def heading(self, values: Sequence[str]) -> None:
        self.row(values, bold=True, text_wrap=True, align="center", valign="vcenter", bg_color="#DDEBF7", border=1)

    def row(self, values: Sequence[Value], **look: Any) -> None:
        """The next row. What a number or a date of a spreadsheet cannot hold is written as text."""
        for index, value in enumerate(values):
            self._write(self._next, index, value, look)
        self._next += 1

    def wide(self, text: str, columns: int, **look: Any) -> None:
        """The next row: one text over several columns."""
        self._sheet.set_row(self._next, 15 * (1 + len(text) // 70))
        self._sheet.merge_range(self._next, 0, self._next, columns - 1, "", self._shape(_TEXT, look))
        self.row([text], **look)

    def choices(self, column: int, first: int, last: int, source: str, *, title: str, note: str, strict: bool) -> None:
        """A drop-down in these rows of the column, with a note; `strict`: nothing else may be typed."""
        refusal = {"show_error": strict, "error_title": title, "error_message": "请从下拉列表选择。"}
        rule = {"validate": "list", "source": source, **refusal, **_prompt(title, note)}
        self._sheet.data_validation(first, column, last, column, rule)

    def prompt(self, column: int, first: int, last: int, *, title: str, note: str) -> None:
        """A note that shows where a cell of these rows is chosen."""
        self._sheet.data_validation(first, column, last, column, {"validate": "any", **_prompt(title, note)})

    def _shape(self, number: int | str, look: Mapping[str, Any]) -> Any:
        return self._book.format(**{"num_format": number, "valign": "top", **look})

    def _write(self, row: int, column: int, value: Value, look: Mapping[str, Any]) -> None:
        match value:
            case None | "":
                pass
            case date() if value >= _FIRST_DAY:
                self._sheet.write_datetime(row, column, value, self._shape(_DAY, look))
            case date():
                self._text(row, column, value.isoformat(), look)
            case str():
                self._text(row, column, value, look)
            case _:
                number = Decimal(value)
                if len(number.normalize().as_tuple().digits) > _MOST_DIGITS:
                    self._text(row, column, format(number, "f"), look)
                else:
                    self._sheet.write_number(row, column, float(number), self._shape(_GENERAL, look))

    def _text(self, row: int, column: int, text: str, look: Mapping[str, Any]) -> None:
        shape = self._shape(_TEXT, look)
        if text.startswith("<r>"):
            # It would be taken for the writer's own rich text: so it is written as such, in two pieces.
            self._sheet.write_rich_string(row, column, text[0], self._shape(_TEXT, {"bold": False}), text[1:], shape)
        else:
            self._sheet.write_string(row, column, text, shape)


def _prompt(title: str, note: str) -> dict[str, str]:
    return {"input_title": title[:32], "input_message": note[:255]}
