"""CSV as spreadsheets open it: UTF-8 with a byte order mark, and no text that would be run as a formula (pure)."""

import csv
import io
import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal

MEDIA_TYPE = "text/csv"
BOM = b"\xef\xbb\xbf"
# Excel and its like run these, in some locales also in full width.
_RUN = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
_GUARDED = re.compile(r"'+[=+\-@\t\r＝＋－＠]")

Value = str | int | Decimal | date | None


def guarded(text: str) -> str:
    """The text, with an apostrophe before it where a spreadsheet would run it. `unguarded` gives the text back."""
    return f"'{text}" if _RUN.match(text) else text


def unguarded(text: str) -> str:
    return text[1:] if _GUARDED.match(text) else text


def line(values: Sequence[Value]) -> bytes:
    """One row (RFC 4180)."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow([_cell(value) for value in values])
    return buffer.getvalue().encode()


def _cell(value: Value) -> str:
    match value:
        case None:
            return ""
        case str():
            return guarded(value)
        case Decimal():
            return format(value, "f")
        case date():
            return value.isoformat()
        case _:
            return str(value)
