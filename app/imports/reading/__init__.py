"""A pushed body, cut into rows, format by format. What is wrong with one row stays with that row (pure, no HTTP)."""

from app.imports.reading.csv import CSV
from app.imports.reading.documents import JSON, MAX_ROWS, NDJSON, read
from app.imports.reading.rows import Line
from app.imports.reading.table import together
from app.imports.reading.xlsx import XLSX

__all__ = ["CSV", "JSON", "MAX_ROWS", "NDJSON", "XLSX", "Line", "read", "together"]
