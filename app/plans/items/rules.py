"""Rules of single items: what must hold between the fields of one, whether it is created or changed."""

from collections.abc import Callable, Mapping
from typing import Any

from app.core.errors import FieldError, Reason

# What a plan may hold of one kind. Two requests at once can pass it by one, so answers leave room above it.
ITEMS_AT_MOST = 500

TOO_MANY_ITEMS = Reason("too_many_items", "该类条目已达上限", "The plan holds as many items of this kind as it may")

Values = Mapping[str, Any]
Rule = Callable[[Values], FieldError | None]


def no_rule(_values: Values) -> FieldError | None:
    return None


def dates_in_order(values: Values) -> FieldError | None:
    starts, ends = values.get("starts_on"), values.get("ends_on")
    return FieldError("/ends_on", "dates_out_of_order") if starts and ends and ends < starts else None


def somebody(values: Values) -> FieldError | None:
    named = any(values.get(name) for name in ("organisation_id", "person_id", "name"))
    return None if named else FieldError("/name", "required")
