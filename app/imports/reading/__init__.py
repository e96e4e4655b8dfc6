"""A pushed body, cut into rows, format by format. What is wrong with one row stays with that row (pure, no HTTP)."""

from app.imports.reading.documents import JSON, MAX_ROWS, NDJSON, read
from app.imports.reading.rows import Line

__all__ = ["JSON", "MAX_ROWS", "NDJSON", "Line", "read"]
