"""What every format is cut into."""

from dataclasses import dataclass
from typing import Any

from app.core.errors import FieldError


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the input: its document, or the code of what is wrong with its text.

    `errors`: what is wrong with single cells of a table, found before the document is looked at; their pointers are
    the document's. `cells`: the row as it stood in a table, a text for each column of the sender's.
    """

    document: Any
    fault: str | None = None
    errors: tuple[FieldError, ...] = ()
    cells: tuple[str, ...] = ()
