"""The life of a practice area, and what a geometry must be (RFC 7946): pure rules."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from app.core.workflow import Side, Transition, Workflow
from app.models.directory import PracticeAreaState

_STANDING = frozenset({PracticeAreaState.ESTABLISHED.value, PracticeAreaState.ADJUSTED.value})

PRACTICE_AREA_LIFE = Workflow(
    "practice area",
    [
        Transition("adjust", _STANDING, PracticeAreaState.ADJUSTED, "directory:write", Side.LEAGUE),
        Transition("withdraw", _STANDING, PracticeAreaState.WITHDRAWN, "directory:write", Side.LEAGUE),
    ],
)

MAX_POSITIONS = 10_000
_MAX_FAULTS = 20

Fault = tuple[str, str]


class GeometryType(StrEnum):
    POINT = "Point"
    POLYGON = "Polygon"
    MULTI_POLYGON = "MultiPolygon"


def geometry_faults(kind: GeometryType, coordinates: list[Any]) -> list[Fault]:
    """What is wrong, as (pointer below `coordinates`, code): the first twenty, in order.

    Longitude before latitude, in degrees; rings closed and of at least four positions; no altitudes.
    """
    if count(coordinates) > MAX_POSITIONS:
        return [("", "too_many")]
    walk = {GeometryType.POINT: _position, GeometryType.POLYGON: _polygon, GeometryType.MULTI_POLYGON: _polygons}[kind]
    faults = walk(coordinates, "")
    return [fault for fault, _ in zip(faults, range(_MAX_FAULTS), strict=False)]


def count(coordinates: list[Any]) -> int:
    """Innermost lists, which is positions, as deep as a MultiPolygon goes; counting stops beyond the limit."""
    lists, positions = [(coordinates, 0)], 0
    while lists and len(lists) + positions <= MAX_POSITIONS:
        items, depth = lists.pop()
        below = [item for item in items if isinstance(item, list)] if depth < 3 else []
        if not below:
            positions += 1
        lists.extend((item, depth + 1) for item in below)
    return len(lists) + positions


def _position(value: object, pointer: str) -> Iterator[Fault]:
    if not isinstance(value, list) or len(value) != 2:
        yield pointer, "invalid_format"
        return
    for index, (part, bound) in enumerate(zip(value, (180, 90), strict=True)):
        if isinstance(part, bool) or not isinstance(part, int | float):
            yield f"{pointer}/{index}", "wrong_type"
        elif not abs(part) <= bound:  # so said, NaN is out of range too
            yield f"{pointer}/{index}", "out_of_range"


def _ring(value: object, pointer: str) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield pointer, "wrong_type"
        return
    faulty = False
    for index, position in enumerate(value):
        for fault in _position(position, f"{pointer}/{index}"):
            faulty = True
            yield fault
    if len(value) < 4:
        yield pointer, "too_few"
    elif value[0] != value[-1]:
        yield pointer, "ring_not_closed"
    elif not faulty and len({tuple(position) for position in value}) < 3:
        yield pointer, "invalid_value"


def _each(value: object, pointer: str, walk: Any) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield pointer, "wrong_type"
    elif not value:
        yield pointer, "too_few"
    else:
        for index, item in enumerate(value):
            yield from walk(item, f"{pointer}/{index}")


def _polygon(value: object, pointer: str) -> Iterator[Fault]:
    yield from _each(value, pointer, _ring)


def _polygons(value: object, pointer: str) -> Iterator[Fault]:
    yield from _each(value, pointer, _polygon)
