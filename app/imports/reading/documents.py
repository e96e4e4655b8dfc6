"""Rows of JSON: one document with `items`, or a document on each line (pure)."""

import json
import re

from app.core import strict_json
from app.core.errors import FieldError, Invalid, PayloadTooLarge, Reason
from app.imports.reading.rows import Line

MAX_ROWS = 1_000
JSON, NDJSON = "application/json", "application/x-ndjson"
_BOM = b"\xef\xbb\xbf"
_OPENING = re.compile(r'\s*\{\s*"items"\s*:\s*\[\s*')
_CLOSING = re.compile(r"\s*\}\s*")
_SPACE = re.compile(r"\s*")
# Only finds where a row ends; what the row holds is read strictly afterwards.
_SCANNER = json.JSONDecoder(parse_int=lambda _: 0, parse_float=lambda _: 0, parse_constant=lambda _: 0)

TOO_MANY_ROWS = Reason(
    "too_many_rows", f"一次最多报送 {MAX_ROWS} 行，请分批", f"At most {MAX_ROWS} rows in one push: send it in parts"
)


def read(raw: bytes, media_type: str) -> list[Line]:
    """The rows in their order. Raises `PayloadTooLarge`, or `Invalid` for what concerns the whole document."""
    body = raw.removeprefix(_BOM)
    return _ndjson(body) if media_type == NDJSON else _json(body)


def _ndjson(body: bytes) -> list[Line]:
    """A document on each line; blank lines count as broken rows, but for those at the end."""
    texts = body.rstrip().split(b"\n") if body.strip() else []
    _check_count(len(texts), "")
    return [_line(text) for text in texts]


def _json(body: bytes) -> list[Line]:
    try:
        document = strict_json.parse(body)
    except strict_json.JsonRefusedError as refused:
        texts = _items(body)
        if texts is None:
            raise Invalid(FieldError("", refused.code)) from refused
        _check_count(len(texts), "/items")
        return [_line(text.encode("utf-8", "surrogatepass")) for text in texts]
    if not isinstance(document, dict):
        raise Invalid(FieldError("", "wrong_type"))
    unknown = [name for name in document if name != "items"]
    if unknown:
        raise Invalid(FieldError("", "unknown_field"))
    if "items" not in document:
        raise Invalid(FieldError("/items", "required"))
    if not isinstance(document["items"], list):
        raise Invalid(FieldError("/items", "wrong_type"))
    _check_count(len(document["items"]), "/items")
    return [Line(item) for item in document["items"]]


def _items(body: bytes) -> list[str] | None:
    """The texts of `items`, where the document is well-formed but one of them is not acceptable; else None."""
    try:
        text = body.decode()
        opening = _OPENING.match(text)
        if opening is None:
            return None
        position, texts = opening.end(), []
        while True:
            _, end = _SCANNER.raw_decode(text, position)
            texts.append(text[position:end])
            position = _after_space(text, end)
            if text[position : position + 1] == "]":
                return texts if _CLOSING.fullmatch(text, position + 1) else None
            if text[position : position + 1] != ",":
                return None
            position = _after_space(text, position + 1)
    except (ValueError, RecursionError):
        return None


def _after_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position


def _line(text: bytes) -> Line:
    try:
        return Line(strict_json.parse(text))
    except strict_json.JsonRefusedError as refused:
        return Line(None, refused.code)


def _check_count(count: int, pointer: str) -> None:
    if count > MAX_ROWS:
        raise PayloadTooLarge(TOO_MANY_ROWS)
    if count == 0:
        # An empty push is a mistake; with on_missing=leave it would empty the library.
        raise Invalid(FieldError(pointer, "too_few"))
