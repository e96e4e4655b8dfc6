"""How a document becomes bytes that never change."""

import json
from collections.abc import Mapping
from typing import Any

MEDIA_TYPE = "application/json"


def canonical(document: Mapping[str, Any]) -> bytes:
    """Canonical JSON (RFC 8785): the numbers in it are integers, decimals are strings, keys are ASCII."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
