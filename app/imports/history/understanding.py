"""A row of an earlier year as it is understood, or everything that is wrong with it (no SQL)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.core.errors import FieldError
from app.core.problems import field_errors
from app.imports.history.rules import Kind, Words, key_of
from app.imports.history.schemas import EarlierPlanRow, EarlierResultRow, IndicatorValueRow
from app.imports.reading import Line
from app.imports.understanding import MAX_ERRORS, safe, told

Row = IndicatorValueRow | EarlierPlanRow | EarlierResultRow
_ROWS: dict[Kind, type[Row]] = {
    Kind.INDICATOR_VALUES: IndicatorValueRow,
    Kind.EARLIER_PLANS: EarlierPlanRow,
    Kind.EARLIER_RESULTS: EarlierResultRow,
}


@dataclass(frozen=True, slots=True)
class Read:
    """One row: `key` as a receipt names it, and `values` for its entry; or `faults`. `place`: where it stands."""

    index: int
    place: int
    key: str | None
    region_code: str | None
    values: dict[str, Any]
    faults: tuple[FieldError, ...]


def read(kind: Kind, lines: Iterable[tuple[int, Line]], words: Words) -> list[Read]:
    """All rows in their order; what is told twice is told once."""
    seen: set[str] = set()
    found = []
    for index, (place, line) in enumerate(lines):
        row = _understood(kind, index, place, line, words)
        if row.key is not None and row.key in seen:
            row = Read(index, place, row.key, row.region_code, {}, (FieldError("", "duplicate"), *row.faults))
        elif row.key is not None:
            seen.add(row.key)
        found.append(row)
    return found


def _understood(kind: Kind, index: int, place: int, line: Line, words: Words) -> Read:
    if line.fault is not None:
        return Read(index, place, None, None, {}, (FieldError("", line.fault),))
    try:
        row = _ROWS[kind].model_validate(line.document, context=words)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = field_errors([dict(item) for item in found[:MAX_ERRORS]], base=("row",))
        faults = tuple(dict.fromkeys(FieldError(safe(fault.pointer), fault.code) for fault in errors))
        region = told(line.document, "region_code", {fault.pointer for fault in errors})
        return Read(index, place, None, region, {}, faults)
    values = _values(row)
    more = (row.indicator_code,) if isinstance(row, IndicatorValueRow) else ()
    key = key_of(row.region_code, row.year, *more)
    return Read(index, place, key, row.region_code, values, tuple(_inconsistencies(kind, row, words)))


def _values(row: Row) -> dict[str, Any]:
    stated = {name: getattr(row, name) for name in type(row).model_fields if name not in {"source", "targets"}}
    if isinstance(row, EarlierPlanRow):
        stated["targets"] = [target.model_dump(mode="json") for target in row.targets]
    source = row.source
    return {**stated, "source_title": source.title, "source_number": source.number, "source_date": source.date}


def _inconsistencies(kind: Kind, row: Row, words: Words) -> Iterable[FieldError]:
    if kind is Kind.EARLIER_RESULTS and row.year in words.own_years:
        yield FieldError("/year", "assessed_here")
    if isinstance(row, EarlierPlanRow):
        if (row.region_code, row.year) in words.own_plans:
            yield FieldError("/year", "exists")
        named = [target.indicator_code for target in row.targets]
        for place, code in enumerate(named):
            if code in named[:place]:
                yield FieldError(f"/targets/{place}/indicator_code", "duplicate")
