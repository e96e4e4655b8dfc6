"""Whose word counts for which member of a project that two systems tell of."""

import pytest

from app.models.identity import Role
from tests.imports.pushing import receipt, timeless
from tests.projects.library import admitted, done
from tests.projects.sources import CODE, OWNERSHIP, REASON, Sources
from tests.world import World


@pytest.fixture
async def sources(world: World, sample: bytes) -> Sources:
    return await Sources.of(world, sample)


async def test_an_owner_proposes_and_the_projects_own_source_does_not_change_it(sources: Sources) -> None:
    first, second = await sources.twins()
    await done(sources.office, f"/v1/projects/{first}", "admit")
    [match] = await sources.matches()
    assert (await sources.own({"member": "funding", "source_system": "two"})).status_code == 200
    # Ownership counts for what is one by decision, and for nothing else.
    lines = [{"source": "central", "planned": "10.00", "done": "5.00"}]
    assert (await sources.push(sources.one, national_code=CODE, funding=lines))["withheld"] == []
    await sources.push(sources.one, national_code=CODE)
    await sources.decide(match, "same", kept_project_id=first)
    told = await sources.push(sources.one, national_code=CODE, funding=lines)
    assert (told["action"], told["withheld"], told["changes"], told["errors"]) == ("unchanged", ["funding"], [], [])
    told = await sources.push(sources.one, national_code=CODE, funding=lines, axis="ecology_to_industry")
    assert (told["action"], told["withheld"], told["changes"]) == ("proposed", ["funding"], ["axis"])
    # The same words as those that stand are withheld from nobody.
    assert (await sources.push(sources.one, national_code=CODE))["withheld"] == []
    mine = [{"source": "county", "planned": "99.00", "done": "1.00"}]
    assert (await sources.push(sources.two, national_code=CODE, funding=mine))["action"] == "updated"
    queue = (await sources.office.get("/v1/admission-queue?kind=change&source_system=two")).json()["items"]
    assert [(item["project_id"], set(item["changes"])) for item in queue] == [(first, {"funding"})]
    # Each source sees its own proposals alone, also on a project of its own.
    seen = (await sources.one.get("/v1/project-proposals")).json()["items"]
    assert {item["source_system"] for item in seen} == {"one"}
    decision = {name: queue[0][name] for name in ("project_id", "proposal_id", "version")}
    body = {"decisions": [{**decision, "outcome": "accept"}]}
    assert (await sources.office.post("/v1/admission-queue/decisions", body)).status_code == 200
    await sources.world.drain()
    kept = await sources.project(sources.one, first)
    assert [(line["source"], line["planned"]) for line in kept["funding"]] == [("county", "99.00")]
    told = await sources.push(sources.one, national_code=CODE, funding=lines)
    assert (told["action"], told["withheld"]) == ("unchanged", ["funding"])
    shown = (await sources.office.get(f"/v1/projects/{first}/sources")).json()
    one, two = shown["sources"]
    assert (one["source_system"], one["kept"], two["source_system"], two["kept"]) == ("one", True, "two", False)
    assert [(word["member"], word["value"][0]["planned"]) for word in one["withheld"]] == [("funding", "10.00")]
    assert [line["planned"] for line in two["values"]["funding"]] == ["99.00"]
    assert two["last_said_at"] is not None
    written = {member["member"]: member for member in shown["members"]}
    assert (written["funding"]["action"], written["funding"]["source_system"]) == ("accept-change", "two")
    assert (written["funding"]["owner"], written["name"]["source_system"]) == ("two", "one")
    # The other system's name is nothing to the first one, save as what the office laid down.
    hidden = (await sources.one.get(f"/v1/projects/{first}/sources")).json()
    assert [source["source_system"] for source in hidden["sources"]] == ["one"]
    assert {member["source_system"] for member in hidden["members"]} <= {"one", None}
    assert second not in str(hidden)
    # No longer owned, no longer withheld.
    assert (await sources.own()).status_code == 200
    assert (await sources.push(sources.one, national_code=CODE, funding=lines))["action"] == "proposed"


async def test_a_dry_run_and_a_refused_run_withhold_alike(sources: Sources) -> None:
    first, _ = await sources.twins()
    await sources.own({"member": "name", "source_system": "two"}, {"member": "starts_on", "source_system": "two"})
    [match] = await sources.matches()
    await sources.decide(match, "same", kept_project_id=first)
    row = {**sources.row, "external_id": "ONE-1", "national_code": CODE, "name": "改名（示例）"}
    row |= {"starts_on": "2001-01-01", "axis": "industry_to_ecology"}
    dry = await receipt(sources.one, [row], "?dry_run=true")
    assert dry["rows"][0]["withheld"] == ["name", "starts_on"]
    assert await sources.world.rows("SELECT 1 FROM project_withheld_words") == []
    refused = await receipt(sources.one, [row, {"external_id": "X"}], "?mode=atomic")
    assert (refused["rows"][0]["action"], refused["rows"][0]["withheld"]) == ("not_applied", [])
    real = await receipt(sources.one, [row])
    assert timeless(real) == timeless(dry)
    assert len(await sources.world.rows("SELECT 1 FROM project_withheld_words")) == 2
    shown = await sources.project(sources.one, first)
    assert (shown["name"], shown["axis"]) == (sources.row["name"], "industry_to_ecology")
    csv = await sources.one.get(f"/v1/imports/{real['id']}/receipt.csv")
    assert csv.status_code == 200


async def test_a_regions_rule_goes_before_one_for_all(sources: Sources) -> None:
    first, _ = await sources.twins()
    [match] = await sources.matches()
    await sources.decide(match, "same", kept_project_id=first)
    rules = [
        {"member": "axis", "source_system": "two"},
        {"member": "axis", "source_system": "one", "region_code": "152501"},
    ]
    assert (await sources.own(*rules)).json()["version"] == 2
    assert await sources.world.rows("SELECT 1 FROM projects WHERE owned_elsewhere <> '{}'") == []
    assert (await sources.own(*rules[:1])).json()["version"] == 3
    assert await sources.world.rows("SELECT 1 FROM projects WHERE owned_elsewhere = '{axis}'") == [(1,)]
    # Saying the same again is no new version; what was before is kept.
    assert (await sources.own(*rules[:1])).json()["version"] == 3
    versions = (await sources.office.get(f"{OWNERSHIP}/versions")).json()["items"]
    assert [len(version["rules"]) for version in versions] == [1, 2]
    assert (await sources.one.get(OWNERSHIP)).json()["version"] == 3
    assert (
        await sources.world.rows("SELECT 1 FROM audit_entries WHERE action = 'field_ownership.replace'") == [(1,)] * 2
    )


async def test_who_lays_down_ownership(sources: Sources) -> None:
    rule = {"member": "funding", "source_system": "two", "region_code": "152501"}
    now = await sources.office.get(OWNERSHIP)
    assert (now.json()["rules"], now.json()["version"]) == ([], 1)
    etag, body = now.headers["etag"], {"rules": [rule], **REASON}
    editor = await sources.world.person((Role.REGION_EDITOR, "152501"))
    for stranger in (editor, sources.one):
        assert (await sources.put(body, etag, stranger)).status_code == 403
    walled = await sources.world.person(Role.LEAGUE_OFFICE)
    await sources.world.wall(walled, "region:152501")
    assert (await sources.put(body, etag, walled)).json()["code"] == "recused"
    own = await sources.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"))
    assert (await sources.put(body, etag, own)).json()["reason"] == "outside_grant"
    bare = {"Authorization": ""}
    for method, address in (("GET", OWNERSHIP), ("PUT", OWNERSHIP), ("GET", f"{OWNERSHIP}/versions")):
        answer = await sources.office.client.request(method, address, headers=bare)
        assert answer.status_code == 401
    assert (await sources.put(body, None)).status_code == 428
    assert (await sources.put(body, '"7.0000000000000000"')).status_code == 412
    for wrong in (
        {**body, "rules": [{**rule, "member": "investment_entity"}]},
        {**body, "rules": [rule, {**rule, "source_system": "one"}]},
        {**body, "rules": [{**rule, "region_code": "152599"}]},
        {"rules": [rule]},
    ):
        assert (await sources.put(wrong, etag)).status_code == 422
    assert (await sources.put(body, etag)).json()["version"] == 2
    assert (await sources.put(body, etag)).status_code == 412
    nobody = await sources.world.person(Role.AUDITOR)
    assert (await nobody.get(OWNERSHIP)).status_code == 403
    assert (await nobody.get(f"{OWNERSHIP}/versions")).status_code == 403
    assert (await sources.office.get(f"{OWNERSHIP}/versions?limit=0")).status_code == 422


async def test_sources_of_a_project_drafted_by_hand(sources: Sources) -> None:
    editor = await sources.world.person((Role.REGION_EDITOR, "152501"))
    path = await admitted(sources.world, editor, sources.office, national_code=CODE)
    shown = (await editor.get(f"{path}/sources")).json()
    [source] = shown["sources"]
    assert (source["source_system"], source["kept"], source["import_run_id"]) == (None, True, None)
    written = {member["member"]: member["actor_id"] for member in shown["members"]}
    assert (written["name"], written["membership"]) == (str(editor.id), str(sources.office.id))
    other = await sources.world.person((Role.REGION_EDITOR, "152502"))
    assert (await other.get(f"{path}/sources")).status_code == 404
    assert (await sources.office.client.get(f"{path}/sources", headers={"Authorization": ""})).status_code == 401
    assert (await (await sources.world.person(Role.AUDITOR)).get(f"{path}/sources")).status_code == 403
    assert (await editor.get(f"{path}/sources?odd=1")).status_code == 422
