"""Which reader cuts which body."""

from collections.abc import Generator
from contextlib import closing
from typing import BinaryIO

from app.core.errors import FieldError, Invalid, PayloadTooLarge, Reason
from app.imports.reading import charset, csv, documents, xlsx
from app.imports.reading.columns import Lists
from app.imports.reading.csv import CSV
from app.imports.reading.documents import JSON, NDJSON
from app.imports.reading.rows import Line
from app.imports.reading.xlsx import XLSX

_MEBIBYTE = 1024 * 1024
# Bytes of a body by media type, unpacked. A JSON document and a workbook are read whole; the rest row by row.
LARGEST = {JSON: 8 * _MEBIBYTE, NDJSON: 512 * _MEBIBYTE, CSV: 512 * _MEBIBYTE, XLSX: 20 * _MEBIBYTE}
MEDIA_TYPES = frozenset(LARGEST)
TABLES = frozenset({CSV, XLSX})
# So many rows are answered with their receipt; more are the worker's, and end in their receipt, too.
AT_ONCE = 1_000
MOST_ROWS = 1_000_000
TOO_MANY_ROWS = Reason(
    "too_many_rows",
    f"一次最多报送 {MOST_ROWS} 行，请分批",
    f"At most {MOST_ROWS} rows in one push: send it in parts",
)


def read(body: BinaryIO, content_type: str, lists: Lists) -> Generator[Line]:
    """The rows in their order, as they are asked for; to be closed before the body.

    Raises `PayloadTooLarge`, or `Invalid` for what concerns the whole body, where a row is asked for.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    body.seek(0)
    count = 0
    with closing(_lines(body, media_type, content_type, lists)) as lines:
        for line in lines:
            count += 1
            if count > MOST_ROWS:
                raise PayloadTooLarge(TOO_MANY_ROWS)
            yield line
    if count == 0:
        # An empty push is a mistake; with on_missing=leave it would empty the library.
        raise Invalid(FieldError("/items" if media_type == JSON else "", "too_few"))


def _lines(body: BinaryIO, media_type: str, content_type: str, lists: Lists) -> Generator[Line]:
    match media_type:
        case csv.CSV:
            yield from csv.rows(body, lists=lists, named=charset.stated(content_type))
        case documents.NDJSON:
            yield from documents.ndjson(body)
        case documents.JSON:
            yield from documents.json_items(body.read())
        case _:
            yield from xlsx.rows(body, lists=lists)


def titles(body: BinaryIO, content_type: str, lists: Lists) -> tuple[str, ...] | None:
    """The columns' titles as the sender of a table has them; None where it is no table."""
    media_type = content_type.split(";", maxsplit=1)[0].strip().lower()
    body.seek(0)
    if media_type == CSV:
        return csv.titles(body, lists=lists, named=charset.stated(content_type))
    return xlsx.titles(body, lists=lists) if media_type == XLSX else None
