"""Rows of a workbook: of our own sheet by its name, else of the only one that is shown and holds anything."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from typing import IO

import python_calamine

from app.core.documents.xlsx import MEDIA_TYPE
from app.core.errors import DomainError, FieldError, Invalid
from app.imports.reading import header, workbook
from app.imports.reading.cells import Cell, Faulty
from app.imports.reading.columns import Kind, Lists
from app.imports.reading.header import SEARCHED, Header
from app.imports.reading.rows import Line
from app.imports.reading.table import Reader, refused_header
from app.imports.reading.workbook import Grid, Tab, Workbook

XLSX = MEDIA_TYPE
# The name of the sheet in the template and in exports.
SHEET = "项目报送"


def rows(body: IO[bytes], *, lists: Lists) -> Iterator[Line]:
    """The rows under the header, in their order. Raises `Invalid` for what concerns the whole file, and
    `PayloadTooLarge`. The memory that it takes is bounded by what a workbook may hold."""
    with workbook.opened(body) as book:
        sheet = _Sheet(book, lists)
        reader = Reader(sheet.header, lists, since_1904=book.since_1904, serials=True)
        yield from reader.lines(sheet.data())


def titles(body: IO[bytes], *, lists: Lists) -> tuple[str, ...]:
    """The columns' titles as the sender has them; two rows of titles are joined."""
    with workbook.opened(body) as book:
        return _Sheet(book, lists).header.titles


class _Sheet:
    """The one sheet of a workbook that is read."""

    def __init__(self, book: Workbook, lists: Lists) -> None:
        tab, self._grid = _chosen(book)
        if not self._grid.cells:
            raise refused_header()
        self._rows = self._true(_values(book, tab, self._grid))
        self._head = list(islice(self._rows, SEARCHED + 2))
        found = header.find(self._head, lists, self._grid.merged)
        if found is None:
            raise refused_header()
        self.header: Header = found

    def data(self) -> Iterator[list[Cell]]:
        """The rows under the header. What is merged downwards holds for each of its rows where it is one of a list
        (所属地区); of anything else nobody can say which row it belongs to."""
        held: dict[tuple[int, int], Cell] = {}
        covered = self._covered()
        for index, row in enumerate(chain(self._head, self._rows)):
            for column, (anchor, fills) in covered.get(index, {}).items():
                if anchor == (index, column):
                    held[anchor] = row[column] if column < len(row) else None
                    continue
                row.extend([None] * (column + 1 - len(row)))
                row[column] = held.get(anchor) if fills else Faulty("merged_cell")
            if index >= self.header.height:
                yield row

    def _covered(self) -> dict[int, dict[int, tuple[tuple[int, int], bool]]]:
        """Row → column → the cell that it is one with, and whether that one's value holds for it."""
        found: dict[int, dict[int, tuple[tuple[int, int], bool]]] = {}
        fields = self.header.fields
        for area in self._grid.merged:
            if area.top < self.header.height:
                continue
            for column in range(area.left, min(area.right + 1, len(fields))):
                field = fields[column]
                if field is None or field.column.kind is Kind.SHOWN:
                    continue
                fills = field.column.kind is Kind.CHOICE and area.left == area.right
                for index in range(area.top, min(area.bottom + 1, self._grid.rows)):
                    found.setdefault(index, {})[column] = ((area.top, area.left), fills)
        return found

    def _true(self, rows: Iterator[list[Cell]]) -> Iterator[list[Cell]]:
        """The rows with the faults that the library leaves out, as many as there are cells for."""
        for index in range(self._grid.rows):
            row = next(rows, [])
            for column, fault in self._grid.faults.get(index, {}).items():
                row.extend([None] * (column + 1 - len(row)))
                row[column] = fault
            yield row


def _chosen(book: Workbook) -> tuple[Tab, Grid]:
    shown = [tab for tab in book.tabs if tab.visible]
    ours = [tab for tab in shown if tab.name.strip() == SHEET]
    if len(ours) == 1 or len(shown) == 1:
        tab = (ours or shown)[0]
        return tab, book.grid(tab)
    filled = [(tab, grid) for tab in shown if (grid := book.grid(tab)).cells]
    if len(filled) != 1:
        raise Invalid(FieldError("", "several_sheets" if filled else "header_missing"))
    return filled[0]


def _values(book: Workbook, tab: Tab, grid: Grid) -> Iterator[list[Cell]]:
    """From the sheet's first row and column, whatever stands there."""
    with _library():
        book.file.seek(0)
        with python_calamine.CalamineWorkbook.from_filelike(book.file) as opened:
            sheet = opened.get_sheet_by_name(tab.name)
        if sheet.start is None or sheet.end is None:
            return
        if sheet.end[0] >= grid.rows or sheet.end[1] >= grid.columns:
            raise workbook.damaged()
        padding: list[Cell] = [None] * sheet.start[1]
        read = sheet.iter_rows()
    while True:
        with _library():
            row = next(read, None)
        if row is None:
            return
        yield [*padding, *row]


@contextmanager
def _library() -> Iterator[None]:
    """The library's errors are ours; also where it gives up on a workbook altogether (a panic is no `Exception`)."""
    try:
        yield
    except DomainError:
        raise
    except Exception as error:
        raise workbook.damaged() from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise workbook.damaged() from error
