"""The set-based upsert of a push (Art. 3): staged by COPY, matched, settled and written by sets."""

from app.projects.bulk.push import Push, apply, leave_missing
from app.projects.bulk.staging import Broken, Entity, Incoming, driver_of, open_staging, stage
from app.projects.bulk.statements import statement

__all__ = [
    "Broken",
    "Entity",
    "Incoming",
    "Push",
    "apply",
    "driver_of",
    "leave_missing",
    "open_staging",
    "stage",
    "statement",
]
