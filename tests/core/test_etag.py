"""ETag, If-Match and If-None-Match: the version guards edits, the whole tag guards copies."""

import asyncio

import pytest

from app.models.identity import Role
from tests.world import World

ORGANISATIONS = "/v1/organisations"
BODY = {"name": "示例企业（示例）", "kind": "enterprise", "no_code_reason": "示例", "region_code": "152501"}


async def test_an_unchanged_copy_is_304_and_a_changed_one_is_sent(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY)
    path, tag = made.headers["location"], made.headers["etag"]
    for value in (tag, f'"1.0000000000000000", {tag}', f"W/{tag}", "*"):
        kept = await office.get(path, headers={"If-None-Match": value})
        assert (kept.status_code, kept.content, kept.headers["etag"]) == (304, b"", tag), value
        assert kept.headers["x-request-id"]
    for value in ('"1.0000000000000000"', "nonsense", ""):
        assert (await office.get(path, headers={"If-None-Match": value})).status_code == 200
    changed = await office.patch(path, {"short_name": "新"}, etag=tag)
    assert changed.headers["etag"].startswith('"2.')
    assert (await office.get(path, headers={"If-None-Match": tag})).status_code == 200


async def test_if_match_compares_the_version_and_nothing_else(world: World) -> None:
    """What another viewer gets may differ; the version that both saw does not."""
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY)
    path = made.headers["location"]
    other_hash = await office.patch(path, {"short_name": "一"}, etag='"1.0123456789abcdef"')
    assert other_hash.status_code == 200
    one_of_two = await office.patch(path, {"short_name": "二"}, etag='"1.0123456789abcdef", "2.0123456789abcdef"')
    assert (one_of_two.status_code, one_of_two.json()["version"]) == (200, 3)


@pytest.mark.parametrize(
    "tag",
    [
        '"2.0123456789abcdef"',
        "*",
        "1",
        '"1"',
        'W/"1.0123456789abcdef"',
        '"1.xyz"',
        '"01.0123456789abcdef"x',
        '"' + "9" * 500 + '"',
    ],
)
async def test_any_other_tag_is_412(world: World, tag: str) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY)
    answer = await office.patch(made.headers["location"], {"short_name": "新"}, etag=tag)
    assert (answer.status_code, answer.json()["code"]) == (412, "precondition_failed")
    assert (await office.get(made.headers["location"])).json()["version"] == 1


async def test_of_two_edits_at_once_one_wins(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY)
    path, tag = made.headers["location"], made.headers["etag"]
    answers = await asyncio.gather(*(office.patch(path, {"short_name": f"示例{n}"}, etag=tag) for n in range(5)))
    assert sorted(a.status_code for a in answers) == [200, 412, 412, 412, 412]
    assert (await office.get(path)).json()["version"] == 2


async def test_the_clock_stamps_both_times(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(ORGANISATIONS, BODY)
    world.api.state.database.clock.advance(minutes=5)
    await world.renew(office)
    changed = await office.patch(made.headers["location"], {"short_name": "新"}, etag=made.headers["etag"])
    assert changed.json()["created_at"] == made.json()["created_at"] == "2026-03-02T01:00:00Z"
    assert changed.json()["updated_at"] == "2026-03-02T01:05:00Z"
