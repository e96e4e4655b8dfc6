"""Which row of a table is its header, and what each column means: known with certainty, or the table is refused.

Above the header may stand titles, and the unit of all amounts (单位：万元). The header may have two rows, as the
counties' tables do: a group over several columns (中央), under it their own titles (计划, 完成).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.core.errors import FieldError, Invalid
from app.imports.reading import cells
from app.imports.reading.cells import Cell
from app.imports.reading.columns import (
    AREA_UNITS,
    MONEY_UNITS,
    NAME,
    PARTS,
    PLAIN,
    READ_OVER,
    Column,
    FundingKey,
    Kind,
    Lists,
    funding_columns,
)
from app.imports.rules import folded

# How far down the header is looked for.
SEARCHED = 12
_LONGEST_TITLE = 200
_UNIT = re.compile(r"[(\[](?:单位:?)?(元|万元|亿元|亩|万亩|人|户)(?:/年)?[)\]]")
_STATED_UNIT = re.compile(r"[(\[]?(?:金额)?单位:?(元|万元|亿元)[)\]]?")
_MARKS = re.compile(r"[*]|\((?:必填|选填|必填项|仅供查看|°|度)\)")
_YEAR = re.compile(r"\(?(20\d\d|2100)年度?\)?")
_JOINS = re.compile(r"[\-—_·:/、|()\[\]]")
_CODED = re.compile(r"funding\.([a-z][a-z0-9_]*)(?:\.(20\d\d|2100))?\.(planned|done)")
_PART_WORDS = (
    *(("planned", word) for word in ("计划总投资", "计划投资", "计划资金", "计划")),
    *(("done", word) for word in ("已完成投资", "完成投资", "完成资金", "已完成", "完成")),
)
_GENERIC = re.compile(r"^(?:资金|投资)|(?:资金|投资)$")


@dataclass(frozen=True, slots=True)
class Field:
    """One column of the sender's, and in which unit its amounts are."""

    column: Column
    unit: str
    funding: FundingKey | None = None
    part: str = ""


@dataclass(frozen=True, slots=True)
class Header:
    """`titles`: the sender's own. `fields`: what each means; None for a column without a title. `height`: how many
    rows of the table are not data. `in_words`: whether its titles are Chinese, and not only codes."""

    titles: tuple[str, ...]
    fields: tuple[Field | None, ...]
    height: int
    in_words: bool


@dataclass(frozen=True, slots=True)
class Merged:
    """Cells that stand as one: from row and column to row and column, counted from 0, both inclusive."""

    top: int
    left: int
    bottom: int
    right: int


def find(rows: Sequence[Sequence[Cell]], lists: Lists, merged: Sequence[Merged] = ()) -> Header | None:
    """The header among the first rows, or None where there is none. Raises `Invalid` for columns that are unknown,
    given twice, or missing, and for amounts of an unknown unit."""
    for position, row in enumerate(rows[:SEARCHED]):
        texts = [_title(cell) for cell in row]
        if not any(_plain_column(_named(text)) is NAME for text in texts):
            continue
        unit = _stated_unit(rows[:position])
        lower = [_title(cell) for cell in rows[position + 1]] if position + 1 < len(rows) else []
        groups = _groups(texts, lower, position, merged)
        if groups is not None:
            return _header(_composed(groups, lower), position + 2, lists, unit)
        above = [_title(cell) for cell in rows[position - 1]] if position else []
        return _header(_under(above, texts, position, merged, lists), position + 1, lists, unit)
    return None


def _title(cell: Cell) -> str:
    return "" if cells.is_blank(cell) else cells.shown(cell).strip()[:_LONGEST_TITLE]


def _groups(texts: list[str], lower: list[str], position: int, merged: Sequence[Merged]) -> list[str] | None:
    """The upper titles of a header of two rows, each over all its columns; None where nothing stands under them."""
    own = [area for area in merged if area.top == position]
    if own:
        if not any(area.bottom == position + 1 or area.right > area.left for area in own):
            return None
        return _spread(texts, len(lower), own)
    # Without merged cells: under the name stands nothing, and something stands where the upper row has a gap.
    name = next(index for index, text in enumerate(texts) if _plain_column(_named(text)) is NAME)
    gaps = [index for index, text in enumerate(lower) if text and (index >= len(texts) or not texts[index])]
    if not gaps or (name < len(lower) and lower[name]):
        return None
    groups = _spread(texts, len(lower), ())
    for index in range(1, len(groups)):
        if not groups[index] and index < len(lower) and lower[index]:
            groups[index] = groups[index - 1]
    return groups


def _under(above: list[str], texts: list[str], position: int, merged: Sequence[Merged], lists: Lists) -> list[str]:
    """The titles of the row that holds the name; what says nothing by itself is read with the group above it."""
    areas = [
        area for area in merged if area.top == position - 1 and (area.right > area.left or area.bottom == position)
    ]
    if not areas:
        return texts
    groups = _spread(above, len(texts), areas)
    own = [*texts, *[""] * (len(groups) - len(texts))]
    joined = _composed(groups, own)
    standing = {index for area in areas if area.bottom == position for index in range(area.left, area.right + 1)}
    return [
        joined[index] if (index in standing if not text else _field(text, lists, "元") is None) else text
        for index, text in enumerate(own)
    ]


def _spread(texts: list[str], width: int, areas: Sequence[Merged]) -> list[str]:
    """Each title in every column that its merged cell covers."""
    width = max(len(texts), width, *(area.right + 1 for area in areas), 0)
    found = [*texts, *[""] * (width - len(texts))]
    for area in areas:
        found[area.left : area.right + 1] = [found[area.left]] * (area.right - area.left + 1)
    return found


def _composed(groups: list[str], lower: list[str]) -> list[str]:
    lower = [*lower, *[""] * (len(groups) - len(lower))]
    pairs = zip(groups, lower, strict=False)
    return [group if under in {"", group} else f"{group} {under}".strip() for group, under in pairs]


def _stated_unit(above: Sequence[Sequence[Cell]]) -> str:
    """The unit of all amounts, where the rows above the header state one, and only one."""
    found = {
        match[1]
        for row in above
        for cell in row
        if isinstance(cell, str) and (match := _STATED_UNIT.fullmatch(_folded(cell)))
    }
    return found.pop() if len(found) == 1 else ""


def _header(titles: list[str], height: int, lists: Lists, unit: str) -> Header:
    while titles and not titles[-1]:
        titles = titles[:-1]
    errors: list[FieldError] = []
    fields: list[Field | None] = []
    for index, title in enumerate(titles):
        field = _field(title, lists, unit) if title else None
        if title and field is None:
            errors.append(FieldError(_pointer(title, index), "unknown_column"))
        elif field is not None and field.column.kind is Kind.AMOUNT and not field.unit:
            errors.append(FieldError(_pointer(title, index), "unit_missing"))
        fields.append(field)
    times = Counter(field.column.pointer for field in fields if field is not None)
    for index, field in enumerate(fields):
        if field is not None and times[field.column.pointer] > 1:
            errors.append(FieldError(_pointer(titles[index], index), "repeated_column"))
    errors += [
        FieldError(f"column:{column.heading}", "missing_column")
        for column in PLAIN
        if column.required and column.pointer not in times
    ]
    if errors:
        raise Invalid(*errors)
    return Header(tuple(titles), tuple(fields), height, any(not title.isascii() for title in titles))


def _pointer(title: str, index: int) -> str:
    """A column by its title where that can be said, else by its letter."""
    shown = title if title.isprintable() and len(title) <= 100 else letters(index)
    return f"column:{shown}"


def letters(index: int) -> str:
    """A, B, … Z, AA as spreadsheets count columns; `index` counts from 0."""
    found = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        found = chr(ord("A") + rest) + found
    return found


def _folded(text: str) -> str:
    return folded(_MARKS.sub("", unicodedata.normalize("NFKC", text)))


def _named(title: str) -> str:
    """A title without its unit, folded."""
    return _UNIT.sub("", _folded(title))


def _field(title: str, lists: Lists, unit: str) -> Field | None:
    units = {match[1] for match in _UNIT.finditer(_folded(title))}
    if len(units) > 1:
        return None
    stated = units.pop() if units else ""
    named = _named(title)
    plain = _plain_column(named)
    if plain is not None:
        return _with_unit(plain, stated, unit, coded=named == plain.code)
    key, part, coded = _funding(named, lists.source_codes)
    if key is None:
        return None
    column = next(one for one in funding_columns([key], lists.sources) if one.pointer.endswith(part))
    found = _with_unit(column, stated, unit, coded=coded)
    return None if found is None else Field(found.column, found.unit, key, part)


def _with_unit(column: Column, stated: str, unit: str, *, coded: bool) -> Field | None:
    """The column with the unit of its amounts; None where the title states one that it cannot have."""
    if stated and stated not in (column.units or {}):
        return None
    if column.units is MONEY_UNITS:
        return Field(column, "元" if coded and not stated else stated or unit)
    if column.units is AREA_UNITS:
        return Field(column, "亩" if coded and not stated else stated)
    return Field(column, stated or column.unit)


def _plain_column(named: str) -> Column | None:
    return _BY_TITLE.get(named)


_BY_TITLE = {
    folded(title): column
    for column in (*PLAIN, *READ_OVER)
    for title in (column.title, *column.aliases, *([column.code] if column.pointer.startswith("/") else []))
}


def _funding(named: str, sources: Mapping[str, str]) -> tuple[FundingKey | None, str, bool]:
    """Source, year and part, as a title names them in any order; None for any other title."""
    if coded := _CODED.fullmatch(named):
        key = FundingKey(coded[1], int(coded[2]) if coded[2] else None)
        return (key if coded[1] in sources else None), coded[3], True
    years = set(_YEAR.findall(named))
    rest = _JOINS.sub("", _YEAR.sub("", named))
    plain = {_JOINS.sub("", name): code for name, code in sources.items()}
    if len(years) > 1:
        return None, "", False
    for part, word in _PART_WORDS:
        for name in (rest.removeprefix(word), rest.removesuffix(word)):
            source = (plain.get(name) or plain.get(_GENERIC.sub("", name))) if name != rest else None
            if source is not None:
                return FundingKey(source, int(years.pop()) if years else None), part, False
    return None, "", False


assert set(PARTS) == {part for part, _ in _PART_WORDS}  # noqa: S101 - the words above are of these parts
