"""GeoJSON geometries: what is one, and where it is wrong."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.directory.practice_areas.rules import MAX_POSITIONS, GeometryType, count, geometry_faults

RING = [[111.0, 43.0], [112.0, 43.0], [112.0, 44.0], [111.0, 43.0]]
POLYGON, POINT, MULTI = GeometryType.POLYGON, GeometryType.POINT, GeometryType.MULTI_POLYGON


@pytest.mark.parametrize(
    ("kind", "coordinates"),
    [
        (POINT, [111.97, 43.65]),
        (POINT, [-180, 90]),
        (POLYGON, [RING]),
        (POLYGON, [RING, [[111.5, 43.1], [111.6, 43.1], [111.6, 43.2], [111.5, 43.1]]]),
        (MULTI, [[RING], [RING]]),
    ],
)
def test_geometries_are_accepted(kind: GeometryType, coordinates: list[Any]) -> None:
    assert geometry_faults(kind, coordinates) == []


@pytest.mark.parametrize(
    ("kind", "coordinates", "faults"),
    [
        (POINT, [111.97], [("", "invalid_format")]),
        (POINT, [111.97, 43.65, 1000], [("", "invalid_format")]),
        (POINT, [43.65, 111.97], [("/1", "out_of_range")]),
        (POINT, [float("inf"), float("nan")], [("/0", "out_of_range"), ("/1", "out_of_range")]),
        (POINT, [10**400, True], [("/0", "out_of_range"), ("/1", "wrong_type")]),
        (POINT, ["111", None], [("/0", "wrong_type"), ("/1", "wrong_type")]),
        (POLYGON, [], [("", "too_few")]),
        (POLYGON, RING, [*[(f"/{i}/{j}", "invalid_format") for i in range(4) for j in range(2)]]),
        (POLYGON, [RING[:3]], [("/0", "too_few")]),
        (POLYGON, [[]], [("/0", "too_few")]),
        (POLYGON, [[*RING[:3], [111.0, 43.1]]], [("/0", "ring_not_closed")]),
        (POLYGON, [[RING[0], RING[1], RING[0], RING[0]]], [("/0", "invalid_value")]),
        (POLYGON, ["ring"], [("/0", "wrong_type")]),
        (MULTI, [[RING], {}], [("/1", "wrong_type")]),
        (MULTI, [[]], [("/0", "too_few")]),
    ],
)
def test_faults_are_found_where_they_are(
    kind: GeometryType, coordinates: list[Any], faults: list[tuple[str, str]]
) -> None:
    found = geometry_faults(kind, coordinates)
    assert set(faults) <= set(found)
    assert found[: len(faults)] == faults or kind is POLYGON


def test_positions_are_bounded() -> None:
    ring = [RING[0], *([[112.0, 43.0], [112.0, 44.0]] * (MAX_POSITIONS // 2)), RING[0]]
    assert geometry_faults(POLYGON, [ring]) == [("", "too_many")]
    assert geometry_faults(MULTI, [[[]]] * (MAX_POSITIONS + 1)) == [("", "too_many")]
    assert len(geometry_faults(POLYGON, [[[]] * 500])) == 20


def test_counting_goes_no_deeper_than_a_geometry() -> None:
    nested: list[Any] = []
    for _ in range(50_000):
        nested = [nested]
    assert count(nested) == 1
    assert geometry_faults(MULTI, nested) == [("/0/0/0", "invalid_format"), ("/0/0", "too_few")]


json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=30,
)


@given(st.sampled_from(GeometryType), st.lists(json, max_size=5))
def test_any_json_gets_an_answer(kind: GeometryType, coordinates: list[Any]) -> None:
    for pointer, code in geometry_faults(kind, coordinates):
        assert pointer == "" or pointer.startswith("/")
        assert code in {
            "too_many",
            "too_few",
            "wrong_type",
            "invalid_format",
            "out_of_range",
            "ring_not_closed",
            "invalid_value",
        }


longitude = st.floats(-180, 180, allow_nan=False)
latitude = st.floats(-90, 90, allow_nan=False)


@given(st.lists(st.tuples(longitude, latitude).map(list), min_size=3, max_size=30, unique_by=tuple))
def test_every_closed_ring_of_distinct_positions_is_accepted(positions: list[list[float]]) -> None:
    assert geometry_faults(POLYGON, [[*positions, positions[0]]]) == []
    assert geometry_faults(POLYGON, [positions]) != []
