"""Rows of CSV, streamed: memory does not grow with the file."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import IO

from app.core.documents.csv import MEDIA_TYPE, unguarded
from app.core.errors import FieldError, Invalid, PayloadTooLarge, Reason
from app.imports.reading import charset, header
from app.imports.reading.charset import Charset
from app.imports.reading.columns import NAME, Lists
from app.imports.reading.header import SEARCHED, Header
from app.imports.reading.rows import Line
from app.imports.reading.table import Reader, refused_header

CSV = MEDIA_TYPE
MAX_LINE = 1_000_000
MAX_COLUMNS = 2_048
# Of one row, which may have line breaks in its cells.
_MAX_ROW = 2 * MAX_LINE
_SEPARATORS = (",", ";", "\t")
_HINT = re.compile(r"sep=(.)[\r\n]*")
# The name's title where UTF-8 was taken for GBK, and saved.
_MANGLED = NAME.title.encode()[:9].decode("gb18030", "ignore")

LINE_TOO_LONG = Reason(
    "line_too_long",
    f"有一行超过 {MAX_LINE} 个字符（或引号未闭合）",
    f"A line is longer than {MAX_LINE} characters (or a quotation mark is never closed)",
)


@dataclass(frozen=True, slots=True)
class _Opened:
    """What is known of a file before its rows are read."""

    charset: Charset
    separator: str
    header: Header
    skipped: int


def rows(body: IO[bytes], *, lists: Lists, named: str | None = None) -> Iterator[Line]:
    """The rows under the header, in their order. `named`: the encoding, where the sender states one.

    Raises `Invalid` for what concerns the whole file, also while it is read, and `PayloadTooLarge`."""
    opened = _open(body, lists, named)
    with _Text(body, opened.charset) as text:
        records = text.records(opened.separator)
        for _ in range(opened.skipped + opened.header.height):
            next(records)
        yield from Reader(opened.header, lists).lines(records)


def titles(body: IO[bytes], *, lists: Lists, named: str | None = None) -> tuple[str, ...]:
    """The columns' titles as the sender has them."""
    return _open(body, lists, named).header.titles


def _open(body: IO[bytes], lists: Lists, named: str | None) -> _Opened:
    found = charset.of(body, named)
    opened: list[_Opened] = []
    refused: list[Invalid] = []
    seen: list[str] = []
    for separator in _SEPARATORS:
        try:
            first = _first(body, found, separator)
            skipped = 1 if first and len(first[0]) <= 2 and _HINT.fullmatch(separator.join(first[0])) else 0
            head = header.find(first[skipped:], lists)
            seen += [cell for row in first for cell in row]
        except Invalid as error:
            refused.append(error)
            continue
        if head is not None:
            opened.append(_Opened(found, separator, head, skipped))
    if len(opened) == 1:
        if not found.certain and not opened[0].header.in_words:
            raise Invalid(FieldError("", "charset_unclear"))
        return opened[0]
    if opened:
        raise Invalid(FieldError("", "separator_unclear"))
    if refused:
        raise refused[0]
    if any(_MANGLED in cell for cell in seen) or (found.name == charset.GB18030 and not found.certain):
        raise Invalid(FieldError("", "charset_unclear"))
    raise refused_header()


def _first(body: IO[bytes], found: Charset, separator: str) -> list[list[str]]:
    with _Text(body, found) as text:
        first = list(islice(text.records(separator), SEARCHED + 2))
    if any(len(row) > MAX_COLUMNS for row in first):
        raise Invalid(FieldError("", "too_many_columns"))
    return first


class _Text:
    """The body as text, in bounded lines. It stays open, and is the caller's, afterwards."""

    def __init__(self, body: IO[bytes], found: Charset) -> None:
        body.seek(found.start)
        self._text = io.TextIOWrapper(body, encoding=found.name, errors="strict", newline="")
        self._taken = 0

    def __enter__(self) -> "_Text":
        return self

    def __exit__(self, *_: object) -> None:
        self._text.detach()

    def records(self, separator: str) -> Iterator[list[str]]:
        reader = csv.reader(self._lines(), delimiter=separator, strict=True)
        while True:
            self._taken = 0
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                too_long = "field limit" in str(error)
                raise Invalid(FieldError("", "cell_too_long" if too_long else "malformed_csv")) from error
            except UnicodeDecodeError as error:
                raise Invalid(FieldError("", "charset_unknown")) from error
            yield [unguarded(cell) for cell in row]

    def _lines(self) -> Iterator[str]:
        while line := self._text.readline(MAX_LINE + 1):
            self._taken += len(line)
            if len(line) > MAX_LINE or self._taken > _MAX_ROW:
                raise PayloadTooLarge(LINE_TOO_LONG)
            yield line
