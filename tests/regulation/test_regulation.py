"""The regulation is complete, and what it says of the API is what the API is."""

import pytest
from fastapi import FastAPI

from app.core.document import TAGS
from app.models.identity import Role
from app.regulation import rules, service
from tests.core.walk import operations
from tests.world import World

PATH = "/v1/regulation"


async def test_seventeen_articles_in_both_languages(world: World) -> None:
    machine = await world.machine("152501")
    for reader in (await world.person(Role.EXPERT), machine):
        answer = await reader.get(PATH)
        assert answer.status_code == 200, answer.text
    shown = answer.json()
    assert [article["number"] for article in shown["articles"]] == list(range(1, 18))
    assert (shown["version"]["is_draft"], shown["version"]["on_trial"]) == (True, True)
    assert shown["version"]["in_force_since"] is None
    assert "送审稿" in shown["version"]["title_zh"]
    for article in shown["articles"]:
        for name in ("topic", "summary"):
            assert len(article[f"{name}_zh"]) >= 4
            assert article[f"{name}_en"].isascii()
        assert (article["left_open_zh"] is None) == (article["left_open_en"] is None)
    unchanged = await machine.get(PATH, headers={"If-None-Match": answer.headers["etag"]})
    assert unchanged.status_code == 304


async def test_answers(world: World) -> None:
    reader = await world.person(Role.EXPERT)
    assert (await reader.get(PATH, headers={"Authorization": ""})).status_code == 401
    without = await world.person(Role.EXPERT, scopes=frozenset({"recusals:apply"}))
    for path in (PATH, f"{PATH}/3"):
        assert (await without.get(path)).json()["code"] == "insufficient_scope"
        assert (await reader.get(f"{path}?colour=green")).status_code == 422
    for absent in ("0", "18", "-1", "x", "3.5", "99999999999999999999"):
        assert (await reader.get(f"{PATH}/{absent}")).status_code == 404, absent


async def test_an_article_names_routes_that_are_there(world: World, api: FastAPI) -> None:
    reader = await world.person(Role.EXPERT)
    real = {(operation.method.upper(), operation.path): operation for operation in operations(api)}
    for number in range(1, 18):
        shown = (await reader.get(f"{PATH}/{number}")).json()
        carriers = {(route["method"], route["path"]): route for route in shown["carried_by"]}
        assert len(carriers) == shown["article"]["routes"]
        assert carriers.keys() <= real.keys()
        assert all(real[key].name == route["operation_id"] for key, route in carriers.items())
        missing = shown["article"]["not_built"]
        expected = "not_built" if not carriers else "partly" if missing else "carried"
        assert shown["article"]["status"] == expected
        # What no route carries is said in words.
        assert carriers or missing, number
    plans = (await reader.get(f"{PATH}/3")).json()["carried_by"]
    assert {"/v1/plans", "/v1/projects", "/v1/imports/projects"} <= {route["path"] for route in plans}


async def test_every_group_of_routes_carries_an_article_or_says_why_not(api: FastAPI) -> None:
    declared = {tag["name"]: tag for tag in TAGS}
    used = {tag for operation in operations(api) for tag in operation.spec["tags"]}
    assert used <= declared.keys()
    for name in used:
        tag = declared[name]
        assert ("x-articles" in tag) != bool(tag.get("x-no-article")), name
        assert set(tag.get("x-articles", ())) <= set(range(1, 18)), name
    assert {tag["name"]: tag.get("x-articles") for tag in api.openapi()["tags"]} == {
        name: tag.get("x-articles") for name, tag in declared.items()
    }


@pytest.mark.parametrize(
    ("routes", "missing", "expected"), [(0, 0, "not_built"), (0, 2, "not_built"), (3, 1, "partly"), (3, 0, "carried")]
)
def test_status(routes: int, missing: int, expected: str) -> None:
    assert rules.status(routes, missing) == expected


def test_what_is_built_is_no_longer_missing() -> None:
    entries = [{"zh": "甲", "en": "a", "until": "/v1/inspections"}, {"zh": "乙", "en": "b"}]
    assert rules.still_missing(entries, ["/v1/plans"]) == entries
    assert rules.still_missing(entries, ["/v1/inspections/{inspection_id}"]) == entries[1:]


def test_the_data_names_paths_that_could_be_built() -> None:
    stated = [entry for article in service.data()["articles"] for entry in article["not_built"]]
    assert all(entry["until"].startswith("/v1/") for entry in stated if "until" in entry)
    assert all(entry["zh"] and entry["en"] for entry in stated)
