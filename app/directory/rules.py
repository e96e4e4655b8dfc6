"""Pure rules of the directory: the unified social credit code (GB 32100-2015)."""

import re

_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = tuple(pow(3, power, 31) for power in range(17))
# Region digits at 3-8; letters at 1-2 are legal (N2… is a gacha collective, which common libraries refuse).
_SHAPE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")


def normalised_credit_code(text: str) -> str:
    """Upper case, full width folded, without spaces and hyphens, as people type it."""
    folded = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text)
    return re.sub(r"[\s\-]", "", folded).upper()


def credit_code_fault(code: str) -> str | None:
    """`invalid_format`, `checksum`, or None for a valid code (GB 32100-2015, check digit by GB/T 17710)."""
    if not _SHAPE.fullmatch(code):
        return "invalid_format"
    total = sum(_ALPHABET.index(c) * weight for c, weight in zip(code[:17], _WEIGHTS, strict=True))
    return None if _ALPHABET[(31 - total % 31) % 31] == code[17] else "checksum"
