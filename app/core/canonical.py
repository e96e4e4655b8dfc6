"""The bytes of a JSON document that never change, and their hash: frozen, signed and published things are named so."""

import hashlib
import json


def canonical(content: object) -> bytes:
    """Canonical JSON (RFC 8785): the numbers in it are integers, decimals are strings, keys are ASCII."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(content: object) -> str:
    """SHA-256 of the canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical(content)).hexdigest()
