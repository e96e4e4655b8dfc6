"""A row of the input as the library understands it, or everything that is wrong with it (no SQL)."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any

from pydantic import ValidationError

from app.core.errors import FieldError
from app.core.problems import field_errors
from app.imports.reading import Line
from app.imports.reading.table import together
from app.imports.rules import Vocabulary
from app.imports.schemas import ProjectRow
from app.projects import content
from app.projects.bulk import Broken, Entity, Incoming

# A row of 8 MB could hold a million unknown members; no honest row has so many that can be wrong.
MAX_ERRORS = 150
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]{0,300}")
_EMPTY: content.Values = {**dict.fromkeys(content.COLUMNS), "secondary_modes": [], "funding": ()}
_BREATH = 500

Staged = tuple[int, int, Incoming | Broken]


class Understanding:
    """Reads one push. `count`: rows so far; an external id stands once in a push."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._seen: set[str] = set()
        self.count = 0

    async def rows(
        self, lines: Iterable[tuple[int, Line]], breathe: Callable[[int], Awaitable[None]]
    ) -> AsyncIterator[Staged]:
        """Index, place in the body, and the row. `breathe` is called now and then with the count."""
        for index, (place, line) in enumerate(lines):
            if index % _BREATH == _BREATH - 1:
                await breathe(index)
            self.count = index + 1
            yield index, place, self._once(understood(line, self._vocabulary))

    def _once(self, row: Incoming | Broken) -> Incoming | Broken:
        key = row.external_id
        if key is None:
            return row
        if key not in self._seen:
            self._seen.add(key)
            return row
        faults = row.faults if isinstance(row, Broken) else ()
        return Broken(key, row.region_code, (FieldError("/external_id", "duplicate"), *faults))


def understood(line: Line, vocabulary: Vocabulary) -> Incoming | Broken:
    if line.fault is not None:
        return Broken(None, None, (FieldError("", line.fault),))
    try:
        row = ProjectRow.model_validate(line.document, context=vocabulary)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = field_errors([dict(item) for item in found[:MAX_ERRORS]], base=("row",))
        return _broken(line, errors)
    if line.errors:
        return _broken(line, [])
    values = content.stated(row)
    entity = row.investment_entity
    return Incoming(
        row.external_id,
        row.region_code,
        values,
        Entity(entity.name, entity.kind.value, entity.credit_code),
        row.stage_reason,
        tuple(content.inconsistencies({**_EMPTY, **values})),
    )


def _broken(line: Line, errors: Iterable[FieldError]) -> Broken:
    found = together(line, errors)
    wrong = {error.pointer for error in found}
    return Broken(
        told(line.document, "external_id", wrong),
        told(line.document, "region_code", wrong),
        tuple(dict.fromkeys(FieldError(safe(error.pointer), error.code) for error in found)),
    )


def told(document: Any, name: str, wrong: set[str]) -> str | None:
    """A member of a rejected row that was itself in order, as it would have been understood."""
    if not isinstance(document, dict) or name not in document or f"/{name}" in wrong:
        return None
    return str(document[name]).strip()


def safe(pointer: str) -> str:
    """A member's name is the sender's: one that is no text stays out of the receipt."""
    return pointer if _PRINTABLE.fullmatch(pointer) else ""
