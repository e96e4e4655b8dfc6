"""Documents as rows of a sheet: the way back from what `reading` does (pure). What is written here is read there."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from app.core.documents.xlsx import Value
from app.imports.reading.columns import (
    AFTER_FUNDING,
    BEFORE_FUNDING,
    PARTS,
    Column,
    FundingKey,
    Kind,
    Lists,
    funding_columns,
)

_SEPARATORS = frozenset(",，;；、\n")


def values(document: Mapping[str, Any], columns: Iterable[Column], lists: Lists) -> list[Value]:
    """The cells of a document of ours, each as the sheet's own kind of value. Read back it is the same document, but
    for members that are null: those cells are empty."""
    money = {(line["source"], line.get("year")): line for line in document["funding"] or ()}
    return [_value(column, _at(document, column, money), lists) for column in columns]


def _value(column: Column, value: Any, lists: Lists) -> Value:
    if value is None:
        return None
    match column.kind:
        case Kind.DAY:
            return date.fromisoformat(value)
        case Kind.AMOUNT:
            units = column.units or {}
            return _plain(Decimal(value) / units[column.unit])
        case Kind.DEGREES:
            return _plain(Decimal(repr(value)))
        case Kind.CHOICE:
            return lists.name_of(column.choices, value)
        case Kind.CHOICES:
            return "、".join(_separable(lists.name_of(column.choices, code), code) for code in value)
        case Kind.COUNT:
            return int(value)
        case _:
            return str(value)


def _separable(name: str, code: str) -> str:
    return code if _SEPARATORS & set(name) else name


def _plain(number: Decimal) -> Decimal:
    """Without zeros that say nothing."""
    return Decimal(format(number.normalize() + 0, "f"))


def _at(document: Any, column: Column, money: Mapping[Any, Any]) -> Any:
    _, *steps = column.pointer.split("/") if column.pointer.startswith("/") else ("", column.pointer)
    if steps[0] == "funding":
        _, source, year, part = steps
        found = money.get((source, int(year) if year else None))
        return found.get(part) if isinstance(found, Mapping) else None
    found = document
    for step in steps:
        if isinstance(found, list):
            found = found[int(step)] if step.isdigit() and int(step) < len(found) else None
        else:
            found = found.get(step) if isinstance(found, Mapping) else None
    return found


def funding_keys(documents: Iterable[Any], lists: Lists) -> set[FundingKey]:
    """Which sources and years these documents name, as far as they are understood."""
    return {key for document in documents for key, _ in _lines(document, lists)}


def _lines(document: Any, lists: Lists) -> list[tuple[FundingKey, Mapping[str, Any]]]:
    """The funding of a document as it was sent, whatever that is."""
    lines = document.get("funding") if isinstance(document, Mapping) else None
    found = []
    for line in lines if isinstance(lines, list) else ():
        key = _key(line, lists)
        if key is not None:
            found.append((key, line))
    return found


def _key(line: Any, lists: Lists) -> FundingKey | None:
    if not isinstance(line, Mapping):
        return None
    source, year = line.get("source"), line.get("year")
    code = lists.source_of(source) if isinstance(source, str) else None
    in_range = year is None or (isinstance(year, int) and not isinstance(year, bool) and 2000 <= year <= 2100)
    return FundingKey(code, year) if code is not None and in_range else None


def texts(document: Any, columns: Sequence[Column], lists: Lists) -> list[str]:
    """The cells of a document as it was sent, right or wrong: a text that says what stood there."""
    money = dict(_lines(document, lists))
    return [_text(column, _at(document, column, money)) for column in columns]


def _text(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if column.kind is Kind.AMOUNT and isinstance(value, str | int) and not isinstance(value, bool):
        try:
            number = Decimal(value)
            if number.is_finite() and -20 < number.adjusted() < 17:
                return format(_plain(number / (column.units or {})[column.unit]), "f")
        except ArithmeticError:
            pass
    if column.kind is Kind.CHOICES and isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "、".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def title_of(pointer: str, document: Any, lists: Lists) -> str:
    """Which column of the table a pointer into a document means, in words; the pointer where it is none of them."""
    steps = pointer.split("/")[1:]
    if not steps:
        return ""
    if steps[0] == "funding":
        return _funding_title(steps, document, lists)
    within = [column for column in (*BEFORE_FUNDING, *AFTER_FUNDING) if _leads(steps, column.pointer.split("/")[1:])]
    return "、".join(column.title for column in within) or pointer


def _leads(steps: Sequence[str], column: Sequence[str]) -> bool:
    """Whether the pointer is the column's, or of something in its cell, or of the whole that it is a part of."""
    shorter = min(len(steps), len(column))
    return list(steps[:shorter]) == list(column[:shorter])


def _funding_title(steps: Sequence[str], document: Any, lists: Lists) -> str:
    lines = document.get("funding") if isinstance(document, Mapping) else None
    place = int(steps[1]) if len(steps) > 1 and steps[1].isdigit() else -1
    if not isinstance(lines, list) or not 0 <= place < len(lines):
        return "资金"
    key = _key(lines[place], lists)
    if key is None:
        return f"资金第 {place + 1} 项"
    planned, done = (column.title for column in funding_columns([key], lists.sources))
    parts = dict(zip(PARTS, (planned, done), strict=True))
    return parts.get(steps[2], planned.removesuffix(PARTS["planned"])) if len(steps) > 2 else f"{planned}、{done}"
