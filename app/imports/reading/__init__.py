"""A pushed body, cut into rows, format by format. What is wrong with one row stays with that row (pure, no HTTP)."""

from app.imports.reading.documents import JSON, NDJSON
from app.imports.reading.formats import AT_ONCE, LARGEST, MEDIA_TYPES, MOST_ROWS, read
from app.imports.reading.rows import Line

__all__ = ["AT_ONCE", "JSON", "LARGEST", "MEDIA_TYPES", "MOST_ROWS", "NDJSON", "Line", "read"]
