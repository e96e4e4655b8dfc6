"""JSON read strictly (RFC 8259, I-JSON): what would fail later, or mean two things, is refused at the door."""

import json
import math
import re
from typing import Any

# Deeper than any body of ours (GeoJSON is the deepest); what nests more can only mean to break something.
MAX_DEPTH = 40
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonRefusedError(ValueError):
    """`code` is one of the register's field codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def parse(raw: bytes) -> Any:
    """The document. Raises `JsonRefusedError` for duplicate members, NaN, numbers beyond a double's range,
    lone surrogates, another encoding than UTF-8, and anything nested more than `MAX_DEPTH` deep."""
    try:
        text = raw.decode()
        document = json.loads(text, object_pairs_hook=_unique_members, parse_constant=_no_constant, parse_float=_finite)
        if _SURROGATE.search(text):
            # A lone surrogate is valid JSON text and no valid text: it would fail in the answer or the database.
            json.dumps(document, ensure_ascii=False).encode()
    except JsonRefusedError:
        raise
    except (ValueError, RecursionError) as error:
        raise JsonRefusedError("malformed_json") from error
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [part for whole in level for part in _parts(whole)]
        if not level:
            return document
    raise JsonRefusedError("malformed_json")


def _parts(whole: Any) -> list[Any]:
    parts = whole.values() if isinstance(whole, dict) else whole if isinstance(whole, list) else ()
    return [part for part in parts if isinstance(part, (dict, list))]


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise JsonRefusedError("duplicate_member")
    return document


def _no_constant(_name: str) -> None:
    raise ValueError("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("beyond the range of a double")
    return number
