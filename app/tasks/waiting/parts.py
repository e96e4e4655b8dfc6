"""What the parts of the one statement share: their columns, and the tests that cut several of them."""

from typing import Any

from sqlalchemy import Date, Select, Text, Uuid, cast, func, literal, null, select
from sqlalchemy.sql import ColumnElement

from app.auth.principal import Caller

NOWHERE: ColumnElement[Any] = null()


def regions_with(caller: Caller, scope: str) -> list[str]:
    """The caller's own regions in which the scope reaches."""
    return sorted(region for region in caller.regions if scope in caller.scopes_in(region))


def handles(caller: Caller, scope: str) -> bool:
    return caller.is_league and scope in caller.scopes


def part(
    kind: ColumnElement[str] | str,
    resource_id: ColumnElement[Any],
    title: ColumnElement[Any],
    place: str,
    region: ColumnElement[Any],
    due_on: ColumnElement[Any] | None,
    within: str = "",
) -> Select[Any]:
    """The columns that all parts share. A `place` that ends in a slash is followed by the id, and by the part of the
    resource that it is about (`within`)."""
    found: ColumnElement[str] = literal(place, Text)
    return select(
        (literal(kind, Text) if isinstance(kind, str) else kind).label("kind"),
        cast(resource_id, Uuid).label("id"),
        cast(title, Text).label("title"),
        cast(null() if due_on is None else due_on, Date).label("due_on"),
        (found + cast(resource_id, Text) + literal(within, Text) if place.endswith("/") else found).label("resource"),
        cast(region, Text).label("region_code"),
    )


def not_walled(kind: str, column: ColumnElement[Any]) -> ColumnElement[bool]:
    """What the policies of the acts say: hashed, and asked of the database, never of the token."""
    walls = select(func.unnest(func.gate.walls()))
    return (literal(f"{kind}:", Text) + cast(column, Text)).not_in(walls)


def not_staff(caller: Caller, region: ColumnElement[Any]) -> ColumnElement[bool]:
    """A region's own staff is never on the league's side of what is the region's, whatever else they are."""
    return region.not_in(sorted(caller.regions))


def not_own(region: ColumnElement[Any]) -> ColumnElement[bool]:
    """Nor do they judge it, nor who is staff of a builder in its library: as the policies of the judgement say it."""
    return region.not_in(select(func.unnest(func.gate.own_regions())))
