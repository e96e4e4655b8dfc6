"""Reporting tasks: issued, seen by region, late by the league's day, extended, closed."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.models.identity import Role
from app.models.plans import PlanState
from tests.ground import FrozenClock
from tests.tasks.plans import league_noon, plan
from tests.world import Actor, World

PATH = "/v1/reporting-tasks"
BODY: dict[str, Any] = {"kind": "plan", "title": "报送2026年度计划", "year": 2026, "due_on": "2026-03-31"}
EXTENSION = {"region_codes": ["152501"], "to": "2026-04-10", "reason": "受雪灾影响"}


async def issued(office: Actor, **change: Any) -> str:
    made = await office.post(PATH, {**BODY, **change})
    assert made.status_code == 201, made.text
    place: str = made.headers["location"]
    return place


async def line(viewer: Actor, place: str, region: str = "152501") -> dict[str, Any]:
    [found] = [item for item in (await viewer.get(place)).json()["lines"] if item["region_code"] == region]
    return dict(found)


async def test_issued_to_every_assessed_region(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    made = await office.post(PATH, BODY, key="once")
    assert made.status_code == 201, made.text
    assert len(made.json()["lines"]) == 13
    assert made.json()["tally"] == {"pending": 13, "late": 0, "done": 0, "done_late": 0}
    shown = await office.get(made.headers["location"])
    assert (shown.json(), shown.headers["etag"]) == (made.json(), made.headers["etag"])
    assert (await office.post(PATH, BODY, key="once")).json() == made.json()
    [audit] = await world.rows(
        "SELECT action, actor_id FROM audit_entries WHERE resource_id = :id", id=made.json()["id"]
    )
    assert tuple(audit) == ("reporting_tasks.issue", office.id)
    assert await world.rows("SELECT 1 FROM outbox_events WHERE type = 'reporting_tasks.issue'")


async def test_each_region_sees_its_own_line_the_league_all(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    place = await issued(office, regions=["152501", "152502"])
    own = await world.person((Role.REGION_EDITOR, "152501"))
    both = await world.person((Role.REGION_APPROVER, "152501"), (Role.REGION_EDITOR, "152502"))
    other = await world.person((Role.REGION_EDITOR, "152522"))
    department = await world.person((Role.LEAGUE_DEPARTMENT, await world.organisation(region_code="152500")))
    inspector, committee = await world.person(Role.DISCIPLINE_INSPECTOR), await world.person(Role.LEAGUE_COMMITTEE)
    seen = [
        (own, ["152501"]),
        (both, ["152501", "152502"]),
        (other, []),
        (department, ["152501", "152502"]),
        (inspector, ["152501", "152502"]),
        (committee, ["152501", "152502"]),
    ]
    for viewer, codes in seen:
        shown = (await viewer.get(place)).json()
        assert [item["region_code"] for item in shown["lines"]] == codes
        assert shown["tally"]["pending"] == len(codes)
        [listed] = (await viewer.get(PATH)).json()["items"]
        assert listed["tally"]["pending"] == len(codes)
        for filters in ({"region_code": "152501"}, {"region_code": "152502"}):
            found = (await viewer.get(PATH, params=filters)).json()["items"]
            assert bool(found) is (filters["region_code"] in codes)


async def test_late_is_a_matter_of_the_leagues_calendar(world: World, clock: FrozenClock) -> None:
    office, approver = await world.person(Role.LEAGUE_OFFICE), await world.person((Role.REGION_APPROVER, "152501"))
    place = await issued(office)
    clock.time = datetime(2026, 3, 31, 15, 59, 59, tzinfo=UTC)  # 23:59:59 in the league
    await world.renew(office)
    assert (await line(office, place))["state"] == "pending"
    clock.time = datetime(2026, 3, 31, 16, 0, 0, tzinfo=UTC)  # midnight in the league
    assert (await line(office, place)) | {"state": "late", "days_late": 1} == await line(office, place)
    assert (await office.get(place)).json()["tally"]["late"] == 13
    at = datetime(2026, 4, 2, 1, tzinfo=UTC)
    await plan(world, "152501", PlanState.SUBMITTED, signed=(approver, at))
    clock.time = datetime(2026, 4, 20, 1, tzinfo=UTC)
    await world.renew(office)
    found = await line(office, place)
    assert (found["state"], found["days_late"], found["done_at"]) == ("done_late", 2, "2026-04-02T01:00:00Z")
    assert (await line(office, place, "152502"))["days_late"] == 20


async def test_done_in_time_and_of_the_right_year(world: World) -> None:
    office, approver = await world.person(Role.LEAGUE_OFFICE), await world.person((Role.REGION_APPROVER, "152501"))
    place = await issued(office, due_on="2026-03-01")
    await plan(world, "152501", PlanState.FILED, signed=(approver, league_noon(1)))
    await plan(world, "152502", PlanState.FILED, year=2025, signed=(approver, league_noon(1)))
    await plan(world, "152522", PlanState.AWAITING_SIGNATURE)
    assert (await line(office, place))["state"] == "done"
    assert (await line(approver, place))["state"] == "done"
    assert (await line(office, place, "152502"))["state"] == "late"
    assert (await line(office, place, "152522"))["state"] == "late"


async def test_an_extension_moves_the_day_of_the_regions_named(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    place = await issued(office)
    extended = await office.act(place, "extend", {**EXTENSION, "region_codes": ["152501", "152502"]})
    assert extended.status_code == 200, extended.text
    assert extended.json()["version"] == 2
    assert (await line(office, place)) | {
        "due_on": "2026-04-10",
        "extended_to": "2026-04-10",
        "extension_reason": "受雪灾影响",
    } == await line(office, place)
    assert (await line(office, place, "152522"))["due_on"] == "2026-03-31"
    audit = await world.rows(
        "SELECT region_code, reason, changes FROM audit_entries WHERE action = 'reporting_tasks.extend' "
        "ORDER BY region_code"
    )
    assert [(row.region_code, row.reason) for row in audit] == [("152501", "受雪灾影响"), ("152502", "受雪灾影响")]
    assert audit[0].changes == {"due_on": ["2026-03-31", "2026-04-10"]}
    again = await office.act(place, "extend", {**EXTENSION, "to": "2026-04-11"})
    assert (again.status_code, again.json()["version"]) == (200, 3)


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"to": "2026-03-31"}, {("/to", "out_of_range")}),
        ({"to": "2026-03-30"}, {("/to", "out_of_range")}),
        ({"region_codes": []}, {("/region_codes", "too_few")}),
        ({"region_codes": ["152501", "152501"]}, {("/region_codes/1", "duplicate")}),
        ({"region_codes": ["152501", "152522"]}, {("/region_codes/1", "unknown_reference")}),
        ({"reason": ""}, {("/reason", "too_short")}),
        ({"nonsense": 1}, {("/nonsense", "unknown_field")}),
    ],
)
async def test_extensions_are_checked(world: World, change: dict[str, Any], errors: set[tuple[str, str]]) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    place = await issued(office, regions=["152501", "152502"])
    refused = await office.act(place, "extend", {**EXTENSION, **change})
    assert refused.status_code == 422, refused.text
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == errors
    assert (await office.get(place)).json()["version"] == 1


async def test_a_recused_officer_extends_for_others_only(world: World) -> None:
    office, walled = await world.person(Role.LEAGUE_OFFICE), await world.person(Role.LEAGUE_OFFICE)
    place = await issued(office)
    await world.wall(walled, "region:152501")
    refused = await walled.act(place, "extend", {**EXTENSION, "region_codes": ["152502", "152501"]})
    assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    assert (await line(office, place, "152502"))["extended_to"] is None
    assert (await walled.act(place, "extend", {**EXTENSION, "region_codes": ["152502"]})).status_code == 200
    assert (await line(walled, place))["extended_to"] is None
    assert await world.rows("SELECT 1 FROM audit_entries WHERE outcome = 'denied' AND actor_id = :id", id=walled.id)


async def test_a_closed_task_moves_no_more(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    place = await issued(office)
    closed = await office.act(place, "close")
    assert (closed.status_code, closed.json()["state"], closed.json()["version"]) == (200, "closed", 2)
    assert {action["reason"] for action in closed.json()["allowed_actions"]} == {"wrong_state"}
    for action, body in (("close", None), ("extend", EXTENSION), ("extend", {"nonsense": 1})):
        assert (await office.act(place, action, body)).json()["code"] == "state_conflict"
    assert [item["state"] for item in (await office.get(PATH, params={"state": "closed"})).json()["items"]] == [
        "closed"
    ]
    assert (await office.get(PATH, params={"state": "open"})).json()["items"] == []
    assert await world.rows("SELECT 1 FROM audit_entries WHERE action = 'reporting_tasks.close'")


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"kind": "poem"}, {("/kind", "invalid_choice")}),
        ({"year": 1999}, {("/year", "out_of_range")}),
        ({"year": "2026"}, {("/year", "wrong_type")}),
        ({"due_on": "31.03.2026"}, {("/due_on", "invalid_format")}),
        ({"regions": []}, {("/regions", "too_few")}),
        ({"regions": ["152500"]}, {("/regions/0", "unknown_reference")}),
        ({"regions": ["152501", "152501"]}, {("/regions/1", "duplicate")}),
        ({"regions": ["152501", "x"]}, {("/regions/1", "invalid_format")}),
        ({"title": " "}, {("/title", "too_short")}),
    ],
)
async def test_tasks_are_checked(world: World, change: dict[str, Any], errors: set[tuple[str, str]]) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    refused = await office.post(PATH, {**BODY, **change})
    assert refused.status_code == 422, refused.text
    assert {(error["pointer"], error["code"]) for error in refused.json()["errors"]} == errors
    assert await world.rows("SELECT 1 FROM reporting_tasks") == []


async def test_refusals_come_in_order(world: World, http: AsyncClient) -> None:
    office, editor = await world.person(Role.LEAGUE_OFFICE), await world.person((Role.REGION_EDITOR, "152501"))
    committee, machine = await world.person(Role.LEAGUE_COMMITTEE), await world.machine("152501")
    place = await issued(office)
    assert (await http.get(PATH)).status_code == 401
    assert (await http.get(place)).status_code == 401
    for outsider in (machine, await world.person(Role.AUDITOR), await world.person(Role.SYSTEM_ADMIN)):
        assert (await outsider.get(PATH)).json()["code"] == "insufficient_scope"
        assert (await outsider.get(place)).json()["code"] == "insufficient_scope"
    for reader in (editor, committee):
        assert (await reader.post(PATH, {"nonsense": 1})).json()["code"] == "insufficient_scope"
        for action, body in (("extend", {"nonsense": 1}), ("close", None)):
            assert (await reader.post(f"{place}/{action}", body)).json()["code"] == "insufficient_scope"
    for absent in (f"{PATH}/{uuid4()}", f"{PATH}/x"):
        assert (await office.get(absent)).status_code == 404
        assert (await office.post(f"{absent}/extend", {"nonsense": 1})).status_code == 404
        assert (await office.post(f"{absent}/close")).status_code == 404
    assert (await office.post(f"{place}/extend", {"nonsense": 1})).status_code == 428
    assert (await office.post(f"{place}/close", etag='"5.0123456789abcdef"')).status_code == 412
    for wrong in ({"sort": "title"}, {"nonsense": 1}, {"year": "x"}, {"state": "late"}):
        assert (await office.get(PATH, params=wrong)).status_code == 422


async def test_lists_sort_and_page(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    for month in (5, 3, 4):
        await issued(office, due_on=f"2026-0{month}-01", year=2026 if month > 3 else 2025)
    for sort, expected in (("due_on", [3, 4, 5]), ("-due_on", [5, 4, 3])):
        seen, cursor = [], None
        while True:
            params = {"sort": sort, "limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await office.get(PATH, params=params)).json()
            seen += [int(item["due_on"][5:7]) for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == expected
    assert len((await office.get(PATH, params={"year": 2025})).json()["items"]) == 1


async def test_a_list_asks_the_same_number_of_questions(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    await issued(office)
    with world.counting() as few:
        await office.get(PATH)
    for _ in range(5):
        await issued(office)
    with world.counting() as many:
        assert len((await office.get(PATH)).json()["items"]) == 6
    assert len(few) == len(many)


async def test_of_two_extensions_with_one_etag_one_succeeds(world: World) -> None:
    office = await world.person(Role.LEAGUE_OFFICE)
    place = await issued(office)
    etag = (await office.get(place)).headers["etag"]
    answers = await asyncio.gather(
        *(
            office.post(f"{place}/extend", {**EXTENSION, "region_codes": [code]}, etag=etag)
            for code in ("152501", "152502", "152522")
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
