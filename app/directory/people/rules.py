"""Pure rules about people: the life of an employment, and the identity number (GB 11643-1999)."""

import re
from datetime import date

from app.core.workflow import Side, Transition, Workflow

OPEN, ENDED = "open", "ended"

EMPLOYMENT_LIFE = Workflow(
    "employment",
    [Transition("end", frozenset({OPEN}), ENDED, "people:write", Side.LEAGUE)],
)

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"
_SHAPE = re.compile(r"[1-9][0-9]{16}[0-9X]")


def normalised_identity_number(text: str) -> str:
    """Full width folded, upper case, without spaces, as people type it."""
    folded = "".join(chr(ord(c) - 0xFEE0) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text)
    return re.sub(r"\s", "", folded).upper()


def identity_number_fault(number: str, today: date) -> str | None:
    """`invalid_format`, `checksum`, or None for a valid 18-digit number of somebody born by `today`."""
    if not _SHAPE.fullmatch(number):
        return "invalid_format"
    total = sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True))
    if _CHECK_DIGITS[total % 11] != number[17]:
        return "checksum"
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return "invalid_format"
    return None if born.year >= 1900 and born <= today else "invalid_format"
