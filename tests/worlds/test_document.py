"""The kit asks everything that the document names, or fails and says what to register."""

import pytest

from tests.worlds.asking import Document, UnregisteredError
from tests.worlds.conftest import Note
from tests.worlds.worlds import Worlds


async def uncovered(worlds: Worlds, checkpoint: str) -> tuple[list[str], list[str]]:
    """Operations, and those of them that nothing is asked of."""
    async with worlds.superuser(worlds.held[checkpoint]["W0"]) as full:
        document = await Document.of(worlds.apis["W0"].openapi(), full)
    asked = {ask.operation for ask in [*document.reads(), *document.probes()]}
    return document.operations, sorted(set(document.operations) - asked)


@pytest.mark.wall
async def test_no_operation_is_left_out(worlds: Worlds, note: Note) -> None:
    operations, missing = await uncovered(worlds, "published")
    note(operations=operations, uncovered=missing)
    assert not missing


@pytest.mark.wall
async def test_each_collection_is_filled(worlds: Worlds) -> None:
    """A real identifier, and where its subject can be hidden one of S: or nothing was compared of it."""
    async with worlds.superuser(worlds.held["published"]["W0"]) as full:
        document = await Document.of(worlds.apis["W0"].openapi(), full)
    assert not [template for template, rows in document.rows.items() if not rows]
    assert not [name for name, values in document.values.items() if not values]


@pytest.mark.parametrize(
    ("operation", "told"),
    [
        ({"path": "/v1/notices/{notice_id}", "parameters": []}, "COLLECTIONS"),
        (
            {"path": "/v1/notices", "parameters": [{"name": "colour", "in": "query", "schema": {"type": "string"}}]},
            "colour",
        ),
    ],
)
def test_a_new_route_says_what_to_register(operation: dict[str, object], told: str) -> None:
    spec = {"paths": {operation["path"]: {"get": {"parameters": operation["parameters"], "responses": {}}}}}
    with pytest.raises(UnregisteredError, match=told):
        list(Document(spec).reads())
