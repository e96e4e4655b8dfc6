"""A pushed body, cut into rows, format by format. What is wrong with one row stays with that row (pure, no HTTP)."""

from app.imports.reading.columns import Lists
from app.imports.reading.csv import CSV
from app.imports.reading.documents import JSON, NDJSON
from app.imports.reading.formats import AT_ONCE, LARGEST, MEDIA_TYPES, MOST_ROWS, read, titles
from app.imports.reading.rows import Line
from app.imports.reading.xlsx import XLSX

__all__ = [
    "AT_ONCE",
    "CSV",
    "JSON",
    "LARGEST",
    "MEDIA_TYPES",
    "MOST_ROWS",
    "NDJSON",
    "XLSX",
    "Line",
    "Lists",
    "read",
    "titles",
]
