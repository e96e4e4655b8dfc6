"""Methods and cycles: who opens and closes a year, and by what it is judged."""

import hashlib
import json
from uuid import uuid4

import pytest
from httpx import AsyncClient

from app.evaluations.schemes.load import load_schemes
from app.models.identity import Role
from tests.evaluations.scene import OTHER, Year, done, etag_of, make_year
from tests.world import World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world, pool=0)


async def test_the_method_is_an_example_frozen_by_its_hash(year: Year, http: AsyncClient) -> None:
    page = (await year.office.get("/v1/evaluation-schemes")).json()
    [summary] = page["items"]
    assert summary["is_example"] is True
    shown = await year.office.get(f"/v1/evaluation-schemes/{summary['id']}")
    content = shown.json()["content"]
    assert "示例" in content["title"]
    assert "示例" in content["note"]
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == summary["content_sha256"]
    assert (await year.office.get(year.cycle)).json()["scheme_sha256"] == summary["content_sha256"]
    assert (await year.office.get(f"/v1/evaluation-schemes/{uuid4()}")).status_code == 404
    assert (await year.office.get("/v1/evaluation-schemes?nonsense=1")).status_code == 422
    assert (await http.get("/v1/evaluation-schemes")).status_code == 401
    unscoped = await year.world.person(Role.LEAGUE_OFFICE, scopes=frozenset({"plans:read"}))
    assert (await unscoped.get("/v1/evaluation-schemes")).status_code == 403
    # The calendar and the method are everybody's to know.
    for role in (Role.EXPERT, Role.AUDITOR, (Role.REGION_EDITOR, OTHER)):
        somebody = await year.world.person(role)
        assert (await somebody.get(f"/v1/evaluation-schemes/{summary['id']}")).status_code == 200
        assert (await somebody.get(year.cycle)).status_code == 200
    machine = await year.world.machine(OTHER)
    assert (await machine.get(year.cycle)).json()["phase"] == "open"


async def test_loading_the_methods_again_changes_nothing(year: Year) -> None:
    before = await year.world.rows("SELECT * FROM evaluation_schemes")
    async with year.world.admin.administration() as session:
        await load_schemes(session)
    assert await year.world.rows("SELECT * FROM evaluation_schemes") == before


async def test_a_cycle_is_of_a_year_that_is_over(year: Year, http: AsyncClient) -> None:
    shown = (await year.office.get(year.cycle)).json()
    assert (shown["assessment_year"], shown["submission_year"], shown["phase"]) == (2025, 2026, "open")
    scheme = shown["scheme_id"]
    good: dict[str, object] = {"assessment_year": 2024, "scheme_id": scheme, "due_on": "2025-04-30"}
    faults: list[tuple[dict[str, object], str]] = [
        ({"assessment_year": 2026, "due_on": "2027-04-30"}, "/assessment_year"),
        ({"assessment_year": 2027, "due_on": "2028-04-30"}, "/assessment_year"),
        ({"due_on": "2024-12-31"}, "/due_on"),
        ({"scheme_id": str(uuid4())}, "/scheme_id"),
        ({"scheme_id": None}, "/scheme_id"),
        ({"assessment_year": "2024"}, "/assessment_year"),
        ({"phase": "open"}, "/phase"),
    ]
    for change, pointer in faults:
        refused = await year.office.post("/v1/evaluation-cycles", {**good, **change})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), change
    again = await year.office.post("/v1/evaluation-cycles", {**good, "assessment_year": 2025, "due_on": "2026-05-01"})
    assert (again.status_code, again.json()["reason"]) == (409, "cycle_exists")
    for actor in (year.editor, year.committee):
        assert (await actor.post("/v1/evaluation-cycles", good)).status_code == 403
    assert (await http.post("/v1/evaluation-cycles", json=good, headers={"Idempotency-Key": "k"})).status_code == 401
    made = await year.office.post("/v1/evaluation-cycles", good)
    assert made.status_code == 201
    listed = (await year.office.get("/v1/evaluation-cycles")).json()["items"]
    assert [cycle["assessment_year"] for cycle in listed] == [2025, 2024]


@pytest.mark.parametrize("action", ["close", "publish"])
async def test_transitions_refuse_in_order(year: Year, action: str, http: AsyncClient) -> None:
    if action == "publish":
        await year.close()
    url = f"{year.cycle}/{action}"
    assert (await year.office.client.post(url)).json()["code"] == "idempotency_key_missing"
    assert (await http.post(url, headers={"Idempotency-Key": "k"})).status_code == 401
    for actor in (year.editor, year.committee):
        assert (await actor.post(url)).json()["code"] == "insufficient_scope"
    assert (await year.office.post(f"/v1/evaluation-cycles/{uuid4()}/{action}")).status_code == 404
    assert (await year.office.post(url)).status_code == 428
    assert (await year.office.post(url, etag='"99.0123456789abcdef"')).status_code == 412
    assert (await year.office.post(url, etag=await etag_of(year.office, year.cycle))).status_code in {200, 202}


async def test_a_cycle_closes_phase_by_phase(year: Year) -> None:
    # Begun and filled while the cycle is open.
    path = await year.filled()
    assert (await done(year.office, year.cycle, "close"))["phase"] == "reviewing"
    editor, _ = await year.staff(OTHER)
    late = await editor.post("/v1/evaluations", {"cycle_id": year.cycle.rsplit("/", 1)[1], "region_code": OTHER})
    assert (late.status_code, late.json()["reason"]) == (409, "cycle_not_open")
    # What is under way is finished and sent.
    await year.send(path)
    refused = await year.office.act(year.cycle, "close")
    assert (refused.status_code, refused.json()["reason"]) == (409, "undecided")
    item = (await year.office.get(f"{path}/items")).json()["items"][0]["id"]
    await done(year.office, path, "return", {"remarks": [{"item_id": item, "text": "请补充（示例）"}]})
    assert (await done(year.office, year.cycle, "close"))["phase"] == "closed"
    refused = await year.editor.act(path, "submit")
    assert (refused.status_code, refused.json()["reason"]) == (409, "cycle_closed")
    shown = (await year.editor.get(path)).json()
    assert {a["action"]: a["reason"] for a in shown["allowed_actions"]}["submit"] == "cycle_closed"
    refused = await year.office.act(year.cycle, "close")
    assert (refused.status_code, refused.json()["reason"]) == (409, "wrong_state")
    # Nothing to publish: nothing happens.
    assert await year.publish() == []


async def test_whoever_is_recused_from_a_region_still_runs_the_calendar(year: Year) -> None:
    await year.world.wall(year.office, "region:152501")
    await year.close()
    asked = await year.office.act(year.cycle, "publish")
    assert (asked.status_code, asked.content) == (202, b"")
