"""A body that is no JSON is refused by a PATCH, too, though every member of it may be absent."""

import pytest

from app.models.identity import Role
from tests.world import World


@pytest.mark.parametrize(
    "body",
    [
        b"{bad",
        b'{"overview": "a"',
        b'{"overview": NaN}',
        b'{"overview": "\\ud800"}',
        b"\xff",
        b'{"overview":1,"overview":2}',
    ],
)
async def test_it_is_refused_and_nothing_changes(world: World, body: bytes) -> None:
    editor = await world.person((Role.REGION_EDITOR, "152501"))
    made = await editor.post("/v1/plans", {"region_code": "152501", "year": 2026})
    path = made.headers["location"]
    before = await editor.get(path)
    headers = {"If-Match": before.headers["etag"], "Content-Type": "application/json"}
    refused = await editor.client.patch(path, content=body, headers=headers)
    assert refused.status_code == 422, refused.text
    assert refused.json()["errors"][0]["code"] in {"malformed_json", "duplicate_member"}
    assert (await editor.get(path)).headers["etag"] == before.headers["etag"]
