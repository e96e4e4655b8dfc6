"""What waits for a caller, as one statement over the features' tables: derived, never stored.

Every part is narrowed by the caller's scopes where they reach; what the caller is recused from is left out of
the league's parts, for the caller could not handle it anyway. So is what four eyes keep from the caller.
"""

from datetime import date
from itertools import chain
from typing import Any

from sqlalchemy import Date, Select, Text, func, literal, select, union_all

from app.auth.principal import Caller
from app.core.pagination import Order
from app.tasks.waiting import cases, conflicts, evaluations, filing, reviews, seeds
from app.tasks.waiting.parts import NOWHERE, part
from app.tasks.waiting.schemas import WaitingFilters

# Sorts what has no day behind everything that has one; what is in no region before what is in one.
_NO_DAY = date(9999, 12, 31)


def waiting(caller: Caller, filters: WaitingFilters, year: int) -> tuple[Select[Any], Order]:
    """One statement over all that waits for the caller in this year, and its order: what is due first comes first."""
    found = [
        *chain.from_iterable(room.parts(caller) for room in (filing, evaluations, cases, seeds, reviews)),
        *conflicts.parts(caller, year),
    ]
    nothing = part("", NOWHERE, NOWHERE, "", NOWHERE, None).where(literal(False))
    rows = union_all(*(found or [nothing])).subquery("waiting")
    day = func.coalesce(rows.c.due_on, literal(_NO_DAY, Date), type_=Date)
    region = func.coalesce(rows.c.region_code, literal("", Text), type_=Text)
    statement = select(rows.c.kind, rows.c.title, rows.c.due_on, rows.c.resource, rows.c.region_code)
    if filters.kind is not None:
        statement = statement.where(rows.c.kind == filters.kind)
    if filters.region_code is not None:
        statement = statement.where(rows.c.region_code == filters.region_code)
    return statement, Order((day, rows.c.kind, region, rows.c.id))
