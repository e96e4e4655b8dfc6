"""Rows of a table, whatever its format, as documents of projects (pure)."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from app.core.errors import FieldError, Invalid
from app.imports.reading import cells
from app.imports.reading.cells import Cell, CellFault
from app.imports.reading.columns import CLEARED, EXAMPLE, LATITUDE, LONGITUDE, Column, FundingKey, Kind, Lists
from app.imports.reading.header import Field, Header
from app.imports.reading.rows import Line
from app.imports.rules import folded

_SEPARATORS = str.maketrans(dict.fromkeys(",，;；\n", "、"))
_EXAMPLE, _CLEARED = folded(EXAMPLE), folded(CLEARED)
_FUNDING = "/funding"


class Reader:
    """Understands the rows under one header."""

    def __init__(self, header: Header, lists: Lists, *, since_1904: bool = False, serials: bool = False) -> None:
        self._header = header
        self._lists = lists
        self._day: Callable[[Cell], str] = lambda cell: cells.day(cell, since_1904=since_1904, serials=serials)

    def lines(self, rows: Iterable[Sequence[Cell]]) -> Iterator[Line]:
        """A line for each row in its order. Empty rows at the end are none, those between are broken rows; the
        template's example row is not read."""
        empty = 0
        for row in rows:
            if all(cells.is_blank(cell) for cell in row):
                empty += 1
                continue
            yield from (self._empty() for _ in range(empty))
            empty = 0
            if not self._is_example(row):
                yield self._line(row)

    def _empty(self) -> Line:
        return Line(None, "empty_row", (), ("",) * len(self._header.titles))

    def _is_example(self, row: Sequence[Cell]) -> bool:
        return any(
            field is not None and field.column.pointer == "/external_id" and folded(cell) == _EXAMPLE
            for field, cell in zip(self._header.fields, row, strict=False)
            if isinstance(cell, str)
        )

    def _line(self, row: Sequence[Cell]) -> Line:
        width = len(self._header.titles)
        shown = tuple(cells.shown(cell) for cell in row[:width])
        shown += ("",) * (width - len(shown))
        understood = _Row(self._lists, self._day)
        for field, cell in zip(self._header.fields, row, strict=False):
            if cells.is_blank(cell):
                continue
            if field is None:
                understood.errors.append(FieldError("", "cell_without_column"))
            else:
                understood.take(field, cell)
        if not all(cells.is_blank(cell) for cell in row[width:]):
            understood.errors.append(FieldError("", "cell_without_column"))
        document = understood.document()
        return Line(document, None, tuple(dict.fromkeys(understood.errors)), shown)


class _Row:
    """A document in the making. What is empty is not stated; what is at fault is left out, and told."""

    def __init__(self, lists: Lists, day: Callable[[Cell], str]) -> None:
        self.errors: list[FieldError] = []
        self._lists = lists
        self._day = day
        self._plain: dict[str, Any] = {}
        self._inner: dict[str, dict[str, Any]] = {}
        self._degrees: dict[str, float] = {}
        self._funding: dict[FundingKey, dict[str, Any]] = {}
        self._funding_faults: list[tuple[FundingKey, str, str]] = []
        self._cleared: set[str] = set()

    def take(self, field: Field, cell: Cell) -> None:
        column = field.column
        if column.kind is Kind.SHOWN:
            return
        if column.nullable and isinstance(cell, str) and folded(cell) == _CLEARED:
            self._clear(field)
            return
        try:
            value = self._value(field, cell)
        except CellFault as fault:
            if field.funding is not None:
                self._funding.setdefault(field.funding, {})
                self._funding_faults.append((field.funding, field.part, fault.code))
            else:
                self.errors.append(FieldError(column.pointer, fault.code))
                _, outer, *more = column.pointer.split("/")
                if more and outer != "location":
                    self._inner.setdefault(outer, {})
            return
        self._put(field, value)

    def _clear(self, field: Field) -> None:
        if field.funding is not None:
            self._cleared.add("funding")
        elif field.column in {LONGITUDE, LATITUDE}:
            self._cleared.add("location")
        elif field.column.kind is Kind.CHOICES:
            self._plain["secondary_modes"] = []
        else:
            self._put(field, None)

    def _put(self, field: Field, value: Any) -> None:
        if field.funding is not None:
            self._funding.setdefault(field.funding, {})[field.part] = value
            return
        _, outer, *more = field.column.pointer.split("/")
        if outer == "location":
            self._degrees[more[-1]] = value
        elif more:
            self._inner.setdefault(outer, {})[more[0]] = value
        else:
            self._plain[outer] = value

    def _value(self, field: Field, cell: Cell) -> Any:
        column = field.column
        match column.kind:
            case Kind.DAY:
                return self._day(cell)
            case Kind.COUNT:
                return cells.count(cell, column.units, field.unit)
            case Kind.AMOUNT:
                return cells.amount(cell, column.units or {}, field.unit)
            case Kind.DEGREES:
                return cells.degrees(cell)
            case Kind.CHOICES:
                names = [name.strip() for name in cells.text(cell).translate(_SEPARATORS).split("、")]
                return [self._coded(column, name) for name in names if name]
            case Kind.CHOICE:
                return self._coded(column, cells.text(cell).strip())
            case _:
                return cells.text(cell)

    def _coded(self, column: Column, name: str) -> str:
        # What the list does not have is refused with the row, at its place.
        return self._lists.code_of(column.choices, name) or name

    def document(self) -> dict[str, Any]:
        found = {**self._plain, **self._inner}
        if self._funding:
            # In the order of the columns; the pointers count the lines that are stated.
            found["funding"] = [{**_line(key), **money} for key, money in self._funding.items()]
            places = {key: place for place, key in enumerate(self._funding)}
            self.errors += [
                FieldError(f"{_FUNDING}/{places[key]}/{part}", code) for key, part, code in self._funding_faults
            ]
        if "funding" in self._cleared:
            if self._funding:
                self.errors.append(FieldError(_FUNDING, "cleared_and_stated"))
            found["funding"] = found.get("funding", [])
        self._locate(found)
        return found

    def _locate(self, found: dict[str, Any]) -> None:
        faulty = {error.pointer for error in self.errors}
        missing = [
            column.pointer
            for column in (LONGITUDE, LATITUDE)
            if column.pointer[-1] not in self._degrees and column.pointer not in faulty
        ]
        if "location" in self._cleared:
            if self._degrees:
                self.errors.append(FieldError("/location", "cleared_and_stated"))
            found["location"] = None
        elif len(self._degrees) == 2:
            found["location"] = {"type": "Point", "coordinates": [self._degrees["0"], self._degrees["1"]]}
        elif self._degrees:
            self.errors += [FieldError(pointer, "required") for pointer in missing]


def _line(key: FundingKey) -> dict[str, Any]:
    return {"source": key.source} if key.year is None else {"source": key.source, "year": key.year}


def together(line: Line, found: Iterable[FieldError]) -> tuple[FieldError, ...]:
    """All that is wrong with a row: of its cells, then of its document. A member that is missing from the document
    because its cell is at fault is told once, by the cell's fault."""
    told = {error.pointer for error in line.errors}
    return (*line.errors, *(error for error in found if error.pointer not in told))


def refused_header() -> Invalid:
    return Invalid(FieldError("", "header_missing"))
