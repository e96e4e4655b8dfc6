"""A workbook that somebody sent, made safe: inflated under our count and looked over, before any library reads it.

What the library then opens is our own copy of the few parts that hold cells, so nothing that the archive's directory
says of itself is relied upon. Rows and columns are bounded here, too: the library fills the whole rectangle.
"""

import posixpath
import re
import struct
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any
from xml.parsers import expat  # document type declarations, and with them entities, are refused

from app.core.errors import DomainError, FieldError, Invalid, PayloadTooLarge, Reason
from app.imports.reading.cells import Faulty
from app.imports.reading.header import Merged

MAX_BYTES = 20 * 1024 * 1024
MAX_INFLATED = 100 * 1024 * 1024
MAX_ROWS, MAX_COLUMNS, MAX_CELLS = 20_000, 2_048, 1_000_000
_MOST_MEMBERS, _MOST_FAULTS, _MOST_MERGED = 2_000, 20_000, 20_000
_DIRECTORY_BYTES = 1024 * 1024
_CHUNK = 64 * 1024
_END, _LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_OLD = b"\xd0\xcf\x11\xe0"
_PART = re.compile(r"\[Content_Types\]\.xml|_rels/\.rels|xl/(?!drawings/|charts/|media/|theme/).*\.(?:xml|rels)", re.I)
_REFERENCE = re.compile(r"([A-Za-z]{1,3})([1-9][0-9]{0,6})")

WORKBOOK_TOO_LARGE = Reason(
    "workbook_too_large",
    f"工作簿过大：最多 {MAX_BYTES // 1024**2} MB（解压后 {MAX_INFLATED // 1024**2} MB）、{MAX_ROWS} 行、"
    f"{MAX_COLUMNS} 列；更多请分批或用 CSV、NDJSON",
    f"The workbook is too large: at most {MAX_BYTES // 1024**2} MB ({MAX_INFLATED // 1024**2} MB inflated), "
    f"{MAX_ROWS} rows, {MAX_COLUMNS} columns; send more in parts, or as CSV or NDJSON",
)


def damaged() -> Invalid:
    return Invalid(FieldError("", "damaged_workbook"))


@dataclass(frozen=True, slots=True)
class Tab:
    """One sheet: `part` is where in the archive its cells are."""

    name: str
    part: str
    visible: bool


@dataclass(slots=True)
class Grid:
    """What a sheet's cells are, beside their values. `rows`, `columns`: how many there are. `faults`: row → column →
    fault, counted from 0."""

    rows: int = 0
    columns: int = 0
    cells: int = 0
    faults: dict[int, dict[int, Faulty]] = field(default_factory=dict)
    merged: list[Merged] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Workbook:
    """`file`: our own copy, for the library."""

    file: IO[bytes]
    tabs: tuple[Tab, ...]
    since_1904: bool

    def grid(self, tab: Tab) -> Grid:
        with zipfile.ZipFile(self.file) as archive, archive.open(tab.part) as part:
            return _Cells().read(part)


@contextmanager
def opened(body: IO[bytes]) -> Iterator[Workbook]:
    """The workbook in the body. Raises `Invalid` for what is none, `PayloadTooLarge`."""
    _check_outside(body)
    with tempfile.TemporaryFile() as copy:
        try:
            _copy(body, copy)
            workbook = _described(copy)
        except DomainError:
            raise
        except Exception as error:  # of a damaged archive any part may fail, in any way
            raise damaged() from error
        yield workbook


def _check_outside(body: IO[bytes]) -> None:
    size = body.seek(0, 2)
    if size > MAX_BYTES:
        raise PayloadTooLarge(WORKBOOK_TOO_LARGE)
    body.seek(0)
    head = body.read(4)
    if head == _OLD:
        raise Invalid(FieldError("", "old_workbook"))
    if head != b"PK\x03\x04":
        raise Invalid(FieldError("", "not_a_workbook"))
    body.seek(max(0, size - 22 - 65_535 - 20))
    tail = body.read()
    end = tail.rfind(_END)
    if end < 0 or len(tail) - end < 22 or _LOCATOR in tail[max(0, end - 20) : end]:
        raise damaged()
    # The directory is read whole, whatever it says of itself.
    if struct.unpack_from("<I", tail, end + 12)[0] > _DIRECTORY_BYTES:
        raise damaged()


def _copy(body: IO[bytes], copy: IO[bytes]) -> None:
    left = MAX_INFLATED
    with (
        zipfile.ZipFile(body) as archive,
        zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED, allowZip64=False, compresslevel=1) as clean,
    ):
        members = [member for member in archive.infolist() if _PART.fullmatch(member.filename)]
        if len(members) > _MOST_MEMBERS or len({member.filename.lower() for member in members}) < len(members):
            raise damaged()
        if sum(member.file_size for member in members) > MAX_INFLATED:
            raise PayloadTooLarge(WORKBOOK_TOO_LARGE)
        for member in members:
            if member.flag_bits & 1 or member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise damaged()
            with archive.open(member) as source, clean.open(zipfile.ZipInfo(member.filename), "w") as target:
                while chunk := source.read(_CHUNK):
                    left -= len(chunk)
                    if left < 0:
                        raise PayloadTooLarge(WORKBOOK_TOO_LARGE)
                    target.write(chunk)


def _described(copy: IO[bytes]) -> Workbook:
    with zipfile.ZipFile(copy) as archive:
        names = set(archive.namelist())
        if "xl/workbook.xml" not in names:
            raise Invalid(FieldError("", "not_a_workbook"))
        targets: dict[str, str] = {}
        tabs: list[Tab] = []
        since_1904 = False
        for name, attributes in _elements(archive.read("xl/_rels/workbook.xml.rels")):
            if name == "Relationship" and attributes["Type"].endswith("/worksheet"):
                target = posixpath.normpath(posixpath.join("/xl", attributes["Target"])).removeprefix("/")
                if attributes["Id"] in targets or target not in names:
                    raise damaged()
                targets[attributes["Id"]] = target
        for name, attributes in _elements(archive.read("xl/workbook.xml")):
            if name == "workbookPr":
                since_1904 = attributes.get("date1904", "0").lower() in {"1", "true"}
            if name == "sheet":
                identity = next((value for key, value in attributes.items() if key.endswith(":id")), "")
                if identity in targets:
                    shown = attributes.get("state", "visible") == "visible"
                    tabs.append(Tab(attributes["name"], targets[identity], shown))
    if len({tab.name for tab in tabs}) < len(tabs):
        raise damaged()
    return Workbook(copy, tuple(tabs), since_1904)


def _parser() -> Any:
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _no_doctype
    return parser


def _no_doctype(*_: object) -> None:
    raise damaged()


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _elements(part: bytes) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    parser = _parser()
    parser.StartElementHandler = lambda name, attributes: found.append((_local(name), attributes))
    parser.Parse(part, True)
    return found


class _Cells:
    """Walks a sheet's XML: its extent, its faulty cells, what is merged."""

    def __init__(self) -> None:
        self._grid = Grid()
        self._row = self._column = -1
        self._kind = ""
        self._holds: set[str] = set()
        self._value: list[str] = []
        self._inside = False
        self._faults = self._covered = 0

    def read(self, part: IO[bytes]) -> Grid:
        parser = _parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            while chunk := part.read(_CHUNK):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except DomainError:
            raise
        except Exception as error:  # whatever the archive or the text in it does
            raise damaged() from error
        return self._grid

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        match _local(name):
            case "row":
                row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
                if row <= self._row:
                    raise damaged()
                self._row, self._column = row, -1
            case "c":
                column = self._column + 1
                if "r" in attributes:
                    row, column = _place(attributes["r"])
                    if row != self._row:
                        raise damaged()
                if column <= self._column:
                    raise damaged()
                self._column, self._kind, self._holds = column, attributes.get("t", "n"), set()
                self._value.clear()
            case "v" | "is" | "f" as inner:
                self._holds.add(inner)
                self._inside = inner == "v"
            case "mergeCell":
                self._merge(attributes["ref"])

    def _text(self, text: str) -> None:
        # Only of faulty cells is the text kept, and no more than names them.
        if self._inside and len(self._value) < 4:
            self._value.append(text[:40])

    def _end(self, name: str) -> None:
        match _local(name):
            case "v":
                self._inside = False
            case "c" if self._holds:
                self._cell()

    def _cell(self) -> None:
        grid, value = self._grid, "".join(self._value)
        grid.cells += 1
        grid.rows = max(grid.rows, self._row + 1)
        grid.columns = max(grid.columns, self._column + 1)
        if grid.rows > MAX_ROWS or grid.columns > MAX_COLUMNS or grid.cells > MAX_CELLS:
            raise PayloadTooLarge(WORKBOOK_TOO_LARGE)
        if grid.rows * grid.columns > 2 * MAX_CELLS:
            raise PayloadTooLarge(WORKBOOK_TOO_LARGE)
        fault = None
        if self._kind == "e":
            fault = Faulty("cell_error", value[:20])
        elif "f" in self._holds and not value and self._kind != "str":
            fault = Faulty("formula_without_value")
        if fault is not None:
            grid.faults.setdefault(self._row, {})[self._column] = fault
            self._faults += 1
            if self._faults > _MOST_FAULTS:
                raise damaged()

    def _merge(self, reference: str) -> None:
        first, _, last = reference.partition(":")
        top, left = _place(first)
        bottom, right = _place(last or first)
        if bottom < top or right < left:
            raise damaged()
        bottom, right = min(bottom, MAX_ROWS - 1), min(right, MAX_COLUMNS - 1)
        self._covered += max(0, bottom - top + 1) * max(0, right - left + 1)
        if len(self._grid.merged) >= _MOST_MERGED or self._covered > MAX_CELLS:
            raise PayloadTooLarge(WORKBOOK_TOO_LARGE)
        if top < MAX_ROWS and left < MAX_COLUMNS:
            self._grid.merged.append(Merged(top, left, bottom, right))


def _place(reference: str) -> tuple[int, int]:
    """Row and column, from 0, of a reference such as B12."""
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise damaged()
    column = 0
    for letter in found[1].upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found[2]) - 1, column - 1
