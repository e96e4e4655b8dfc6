"""Rows of JSON: one document with `items`, or a document on each line (pure)."""

import json
import re
from collections.abc import Iterator
from typing import BinaryIO

from app.core import strict_json
from app.core.errors import FieldError, Invalid, PayloadTooLarge, Reason
from app.imports.reading.rows import Line

MOST_ITEMS = 1_000
LONGEST_LINE = 1024 * 1024
JSON, NDJSON = "application/json", "application/x-ndjson"
_BOM = b"\xef\xbb\xbf"
_OPENING = re.compile(r'\s*\{\s*"items"\s*:\s*\[\s*')
_CLOSING = re.compile(r"\s*\}\s*")
_SPACE = re.compile(r"\s*")
# Only finds where a row ends; what the row holds is read strictly afterwards.
_SCANNER = json.JSONDecoder(parse_int=lambda _: 0, parse_float=lambda _: 0, parse_constant=lambda _: 0)

TOO_MANY_ITEMS = Reason(
    "too_many_items",
    f"JSON 一次最多 {MOST_ITEMS} 行，更多请用 NDJSON",
    f"At most {MOST_ITEMS} rows in one JSON document: more go as NDJSON",
)


def ndjson(body: BinaryIO) -> Iterator[Line]:
    """A document on each line; blank lines count as broken rows, but for those at the end."""
    blank = 0
    for number, text in enumerate(_texts(body)):
        line = text.removeprefix(_BOM) if number == 0 and text is not None else text
        if line is not None and not line.strip():
            blank += 1
            continue
        yield from (_line(b"") for _ in range(blank))
        blank = 0
        yield Line(None, "too_long") if line is None else _line(line)


def _texts(body: BinaryIO) -> Iterator[bytes | None]:
    """Line by line; None for one that is too long, of which no more is kept than the limit."""
    while text := body.readline(LONGEST_LINE):
        if len(text) < LONGEST_LINE or text.endswith(b"\n"):
            yield text
            continue
        while (rest := body.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
        yield None


def json_items(body: bytes) -> list[Line]:
    """The rows of `items`. Raises `PayloadTooLarge`, `Invalid`."""
    return _json(body.removeprefix(_BOM))


def _json(body: bytes) -> list[Line]:
    try:
        document = strict_json.parse(body)
    except strict_json.JsonRefusedError as refused:
        texts = _items(body)
        if texts is None:
            raise Invalid(FieldError("", refused.code)) from refused
        _check_count(len(texts))
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
    _check_count(len(document["items"]))
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


def _check_count(count: int) -> None:
    if count > MOST_ITEMS:
        raise PayloadTooLarge(TOO_MANY_ITEMS)
