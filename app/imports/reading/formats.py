"""Which reader cuts which body."""

from collections.abc import Iterator
from typing import BinaryIO

from app.core.errors import FieldError, Invalid, PayloadTooLarge, Reason
from app.imports.reading import documents
from app.imports.reading.documents import JSON, NDJSON
from app.imports.reading.rows import Line

_MEBIBYTE = 1024 * 1024
# Bytes of a body by media type, unpacked. A JSON document is read whole; the rest row by row.
LARGEST = {JSON: 8 * _MEBIBYTE, NDJSON: 512 * _MEBIBYTE}
MEDIA_TYPES = frozenset(LARGEST)
# So many rows are answered with their receipt; more are the worker's, and end in their receipt, too.
AT_ONCE = 1_000
MOST_ROWS = 1_000_000
TOO_MANY_ROWS = Reason(
    "too_many_rows",
    f"一次最多报送 {MOST_ROWS} 行，请分批",
    f"At most {MOST_ROWS} rows in one push: send it in parts",
)


def read(body: BinaryIO, media_type: str, charset: str | None = None) -> Iterator[Line]:
    """The rows in their order, as they are asked for. Raises `PayloadTooLarge`, or `Invalid` for what concerns the
    whole document.
    """
    del charset
    body.seek(0)
    lines = documents.ndjson(body) if media_type == NDJSON else documents.json_items(body.read())
    count = 0
    for count, line in enumerate(lines, start=1):
        if count > MOST_ROWS:
            raise PayloadTooLarge(TOO_MANY_ROWS)
        yield line
    if count == 0:
        # An empty push is a mistake; with on_missing=leave it would empty the library.
        raise Invalid(FieldError("/items" if media_type == JSON else "", "too_few"))
