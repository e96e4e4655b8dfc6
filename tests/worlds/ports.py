"""Clock and ids of a replay: both hang on the label of what is done, never on what was done before it, so that a step
that one world skips shifts nothing in another.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

from app.core.clock import uuid7

BEGIN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
BETWEEN_STEPS = timedelta(minutes=5)
_ENTROPY = (1 << 74) - 1


class Ports:
    """`app.core.clock.Clock` and `Ids` at once. Ids count from the label; the same label again goes on counting."""

    def __init__(self) -> None:
        self.time = BEGIN
        self.label = ""
        self._used: dict[str, int] = {}

    def step(self, position: int, label: str) -> None:
        """The step's own time, wherever in the script a world begins or leaves out."""
        self.time = BEGIN + position * BETWEEN_STEPS
        self.label = label

    def begin(self, label: str) -> None:
        """Count from the first again: for what is asked of every world anew."""
        self.label = label
        self._used.pop(label, None)

    def now(self) -> datetime:
        return self.time

    def dossier(self, now: datetime) -> UUID:
        return uuid7(now, int.from_bytes(self._next()) & _ENTROPY)

    def random(self) -> UUID:
        return UUID(bytes=self._next()[:16], version=4)

    def _next(self) -> bytes:
        number = self._used[self.label] = self._used.get(self.label, 0) + 1
        return hashlib.sha256(f"{self.label}#{number}".encode()).digest()
