"""How one cell of a table is understood: with certainty, or not at all (pure).

A cell is what its format gives: a text of CSV; of a workbook also a number, a date, a truth value or a fault.
"""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

MOST_DIGITS = 15
_SPACES = re.compile(r"\s+")
_PLAIN = re.compile(r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+", re.ASCII)
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?", re.ASCII)
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2}))", re.ASCII)
_CHINESE_DAY = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})[日号]?", re.ASCII)
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
_UNIT = re.compile(r"(.*?)([^\d.,\s]+)")
# What is left of a text that was read in the wrong encoding: it cannot be brought back.
_DAMAGED = re.compile("\ufffd|锟斤拷")
_EPOCH, _EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
# 1970 to 2149: a number of days that cannot be meant as anything else.
_FIRST_SERIAL, _LAST_SERIAL = 25_569, 91_311


class CellFault(ValueError):
    """A cell that cannot be understood with certainty; `code` is one of the register's field codes."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Faulty:
    """A cell without a value: an error value (#REF!), or a formula whose result was not saved."""

    code: str
    shown: str = ""


Cell = str | float | int | bool | date | datetime | time | timedelta | Faulty | None


def is_blank(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def shown(cell: Cell) -> str:
    """The cell as a receipt repeats it."""
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool():
            return "TRUE" if cell else "FALSE"
        case int() | float():
            return format(_number(cell), "f") if math.isfinite(cell) else str(cell)
        case datetime():
            return cell.isoformat(sep=" ")
        case date() | time():
            return cell.isoformat()
        case Faulty():
            return cell.shown
        case _:
            return str(cell)


def text(cell: Cell) -> str:
    """A text. A whole number is what was typed; what a spreadsheet made a date of, or rounded, is not."""
    match cell:
        case str():
            if _DAMAGED.search(cell):
                raise CellFault("damaged_text")
            return cell
        case bool() | date() | time() | timedelta():
            raise CellFault("not_text")
        case int() | float():
            number = _number(cell)
            if number != number.to_integral_value() or abs(number) >= 10**MOST_DIGITS:
                raise CellFault("not_text")
            return format(number, "f")
        case Faulty():
            raise CellFault(cell.code)
        case _:
            return ""


def decimal(cell: Cell, units: Mapping[str, int] | None = None, unit: str = "") -> Decimal:
    """A number: full width, thousands in threes, a currency mark, and the column's own unit are understood."""
    match cell:
        case str():
            number = _decimal_of(cell, units or {}, unit)
        case bool() | date() | time() | timedelta() | None:
            raise CellFault("not_a_number")
        case Faulty():
            raise CellFault(cell.code)
        case _:
            number = _number(cell)
    # No honest number is longer; within these bounds the arithmetic of units is exact.
    if len(number.as_tuple().digits) > 25 or abs(number.adjusted()) >= 17:
        raise CellFault("out_of_range")
    return number


def amount(cell: Cell, units: Mapping[str, int], unit: str) -> str:
    """A decimal string in the document's unit, of a cell in the column's."""
    number = decimal(cell, units, unit) * units[unit]
    if number != number.quantize(Decimal("0.01")):
        # Finer than the hundredth that is kept: rounding it would be a guess.
        raise CellFault("too_precise")
    return format(number.quantize(Decimal("0.01")) + 0, "f")


def count(cell: Cell, units: Mapping[str, int] | None = None, unit: str = "") -> int:
    number = decimal(cell, units, unit)
    if number != number.to_integral_value():
        raise CellFault("not_whole")
    return int(number)


def degrees(cell: Cell) -> float:
    return float(decimal(cell))


def day(cell: Cell, *, since_1904: bool = False, serials: bool = False) -> str:
    """YYYY-MM-DD. Of a date written in words only year, month and day in this order are certain. A bare number of
    days is one where `serials` says that the epoch is known."""
    match cell:
        case datetime():
            if cell.time() != time():
                raise CellFault("not_a_date")
            return cell.date().isoformat()
        case date():
            return cell.isoformat()
        case bool() | time() | timedelta() | None:
            raise CellFault("not_a_date")
        case Faulty():
            raise CellFault(cell.code)
        case str():
            return _day_of_text(cell)
        case _:
            number = _number(cell)
            if number != number.to_integral_value():
                raise CellFault("not_a_date")
            if _FIRST_SERIAL <= number <= _LAST_SERIAL and serials:
                return ((_EPOCH_1904 if since_1904 else _EPOCH) + timedelta(days=int(number))).isoformat()
            return _day_of_text(format(number, "f"))


def _day_of_text(written: str) -> str:
    plain = _SPACES.sub("", unicodedata.normalize("NFKC", written))
    found = _DAY.fullmatch(plain) or _CHINESE_DAY.fullmatch(plain) or _COMPACT_DAY.fullmatch(plain)
    if found is None:
        if plain.isdigit() and len(plain) == 5:
            raise CellFault("date_serial")
        raise CellFault("not_a_date")
    year, month, of_month = (int(part) for part in found.groups() if part is not None)
    try:
        return date(year, month, of_month).isoformat()
    except ValueError as error:
        raise CellFault("not_a_date") from error


def _decimal_of(written: str, units: Mapping[str, int], unit: str) -> Decimal:
    if len(written) > 200:
        raise CellFault("not_a_number")
    plain = _SPACES.sub("", unicodedata.normalize("NFKC", written)).removeprefix("¥")
    found = _UNIT.fullmatch(plain)
    if found is not None and found[2] in units:
        if found[2] != unit:
            # 500元 in a column of 万元: either of the two may be wrong.
            raise CellFault("unit_mismatch")
        plain = found[1]
    if not (_PLAIN.fullmatch(plain) or _GROUPED.fullmatch(plain)):
        raise CellFault("not_a_number")
    return Decimal(plain.replace(",", ""))


def _number(cell: float) -> Decimal:
    """As a spreadsheet shows it: fifteen digits. The rest is the rounding of its arithmetic."""
    if isinstance(cell, int):
        return Decimal(cell)
    number = Decimal(format(cell, f".{MOST_DIGITS}g"))
    if not number.is_finite():
        raise CellFault("not_a_number")
    return number
