"""What is published is everybody's: frozen bytes under numbers, with no token and whoever one is."""

import hashlib
import json
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.models.identity import Role
from app.publications.service import publish
from tests.world import World


async def published(world: World, *, kind: str = "evaluation_results", year: int = 2025, **document: Any) -> str:
    """As a job publishes."""
    async with world.admin.administration() as session:
        publication = await publish(session, kind=kind, year=year, title="评估结果（示例）", document=document)
    return f"/v1/publications/{publication.id}"


async def test_bytes_are_frozen_and_named_by_their_hash(world: World, http: AsyncClient) -> None:
    place = await published(world, regions=[{"region_code": "152501", "grade": "优秀"}])
    shown = (await http.get(place)).json()
    content = await http.get(f"{place}/content")
    assert content.headers["content-type"] == "application/json"
    assert hashlib.sha256(content.content).hexdigest() == shown["content_sha256"]
    document = json.loads(content.content)
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    assert canonical == content.content
    assert (document["number"], document["year"], document["kind"]) == (1, 2025, "evaluation_results")
    assert "no-store" not in content.headers["cache-control"]
    for header in (content.headers["etag"], f'"x", {content.headers["etag"]}', f"W/{content.headers['etag']}", "*"):
        again = await http.get(f"{place}/content", headers={"If-None-Match": header})
        assert (again.status_code, again.content) == (304, b""), header
    other = await http.get(f"{place}/content", headers={"If-None-Match": '"other"'})
    assert other.content == content.content
    head = await http.head(f"{place}/content")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", content.headers["etag"])


async def test_numbers_count_from_one_in_each_kind_and_year(world: World, http: AsyncClient) -> None:
    for kind, year in (("cases", 2025), ("evaluation_results", 2025), ("cases", 2025), ("cases", 2024)):
        await published(world, kind=kind, year=year)
    items = (await http.get("/v1/publications?kind=cases&sort=published_at")).json()["items"]
    assert sorted((item["year"], item["number"]) for item in items) == [(2024, 1), (2025, 1), (2025, 2)]
    assert [i["number"] for i in (await http.get("/v1/publications?kind=evaluation_results")).json()["items"]] == [1]
    entries = await world.rows("SELECT actor_id FROM audit_entries WHERE action = 'publications.publish'")
    events = await world.rows("SELECT 1 FROM outbox_events WHERE type = 'publications.publish'")
    assert (len(entries), len(events), entries[0].actor_id) == (4, 4, None)


async def test_the_list_pages_without_a_token(world: World, http: AsyncClient) -> None:
    places = {await published(world, year=2020 + n) for n in range(3)}
    first = (await http.get("/v1/publications?limit=2&include_total=true")).json()
    rest = (await http.get(f"/v1/publications?limit=2&cursor={first['next_cursor']}")).json()
    assert first["total"] == 3
    assert {f"/v1/publications/{item['id']}" for item in first["items"] + rest["items"]} == places
    assert [item["year"] for item in (await http.get("/v1/publications?year=2021")).json()["items"]] == [2021]
    reader = await world.person(Role.EXPERT)
    stolen = await reader.get(f"/v1/publications?limit=2&cursor={first['next_cursor']}")
    assert stolen.status_code == 200


@pytest.mark.parametrize("query", ["kind=secret", "year=1", "sort=title", "nonsense=1", "cursor=x", "limit=0"])
async def test_unknown_filters_are_refused(http: AsyncClient, query: str) -> None:
    assert (await http.get(f"/v1/publications?{query}")).status_code == 422


@pytest.mark.parametrize("tail", ["", "/content"])
async def test_what_is_not_there(http: AsyncClient, tail: str) -> None:
    assert (await http.get(f"/v1/publications/{uuid4()}{tail}")).json()["code"] == "not_found"
    assert (await http.get(f"/v1/publications/nonsense{tail}")).status_code == 404
    assert (await http.post(f"/v1/publications/{uuid4()}{tail}")).status_code == 405


async def test_a_token_changes_nothing_not_even_a_bad_one(world: World, http: AsyncClient) -> None:
    place = await published(world)
    expected = (await http.get(place)).json()
    walled = await world.person(Role.LEAGUE_OFFICE)
    await world.wall(walled, "region:152501")
    assert (await walled.get(place)).json() == expected
    bad = await http.get(place, headers={"Authorization": "Bearer nonsense"})
    assert (bad.status_code, bad.json()) == (200, expected)
