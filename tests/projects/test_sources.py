"""Two systems, one project: flagged for a person, never merged silently, and no system is told of the other's row."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from httpx import Response

from app.models.identity import Role
from tests.imports.pushing import Row, push, receipt, rows_of, timeless
from tests.projects.library import admitted, complete, done, drafted
from tests.world import Actor, World

MATCHES, OWNERSHIP = "/v1/project-matches", "/v1/field-ownership"
CODE = "2405-152501-04-01-123456"
ABSENT = "00000000-0000-4000-8000-000000000000"
REASON = {"reason": "核对批复文件（示例）"}


class Sources:
    """Two systems over one region, and the office."""

    def __init__(self, world: World, one: Actor, two: Actor, office: Actor, row: Row) -> None:
        self.world, self.one, self.two, self.office, self.row = world, one, two, office, row

    async def push(self, machine: Actor, **changes: Any) -> dict[str, Any]:
        """The receipt's row, after the worker has looked."""
        told = await self.push_unseen(machine, **changes)
        await self.world.drain()
        return told

    async def push_unseen(self, machine: Actor, **changes: Any) -> dict[str, Any]:
        own = "ONE-1" if machine is self.one else "TWO-1"
        row = {**self.row, "external_id": own, **changes}
        told: dict[str, Any] = (await receipt(machine, [row]))["rows"][0]
        return told

    async def twins(self) -> tuple[str, str]:
        """The same project from both: ids of the first's and of the second's."""
        first = await self.push(self.one, national_code=CODE)
        second = await self.push(self.two, national_code=CODE, name="另一叫法（示例）")
        return first["id"], second["id"]

    async def matches(self, query: str = "", actor: Actor | None = None) -> list[dict[str, Any]]:
        answer = await (actor or self.office).get(MATCHES + query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    async def decide(self, match: dict[str, Any], action: str, **body: Any) -> dict[str, Any]:
        answer = await self.office.act(f"{MATCHES}/{match['id']}", action, {**REASON, **body})
        assert answer.status_code == 200, answer.text
        await self.world.drain()
        told: dict[str, Any] = answer.json()
        return told

    async def own(self, *rules: dict[str, Any]) -> Response:
        now = await self.office.get(OWNERSHIP)
        answer = await self.put({"rules": list(rules), **REASON}, now.headers["etag"])
        await self.world.drain()
        return answer

    async def put(self, body: dict[str, Any], etag: str | None, actor: Actor | None = None) -> Response:
        headers = {"If-Match": etag} if etag is not None else {}
        return await (actor or self.office).client.put(OWNERSHIP, json=body, headers=headers)

    async def project(self, machine: Actor, key: str) -> dict[str, Any]:
        answer = await machine.get(f"/v1/projects/{key}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


@pytest.fixture
async def sources(world: World, sample: bytes) -> Sources:
    row = next(row for row in rows_of(sample) if row["region_code"] == "152501")
    return Sources(
        world,
        await world.machine("152501", "152502", source="one"),
        await world.machine("152501", "152502", source="two"),
        await world.person(Role.LEAGUE_OFFICE),
        row,
    )


async def test_the_same_national_code_is_flagged_and_nothing_is_merged(sources: Sources) -> None:
    first, second = await sources.twins()
    [match] = await sources.matches("?state=open")
    assert (match["basis"], match["kept_project_id"], match["last_decision"]) == ("national_code", None, None)
    assert {match["project"]["project_id"], match["other"]["project_id"]} == {first, second}
    sides = {match[side]["source_system"]: match[side]["external_ids"] for side in ("project", "other")}
    assert sides == {
        "one": [{"source_system": "one", "external_id": "ONE-1"}],
        "two": [{"source_system": "two", "external_id": "TWO-1"}],
    }
    assert set(match["differences"]) == {"name"}
    assert set(match["differences"]["name"].values()) == {sources.row["name"], "另一叫法（示例）"}
    assert [action["allowed"] for action in match["allowed_actions"]] == [True, True, False]
    assert (await sources.office.get(f"{MATCHES}/{match['id']}")).json() == match
    assert (await sources.project(sources.one, first))["name"] == sources.row["name"]
    for query in (f"?project_id={second}", "?source_system=two", "?region_code=152501", "?basis=national_code"):
        assert await sources.matches(query) == [match]
    for query in (f"?project_id={ABSENT}", "?source_system=three", "?region_code=152502", "?basis=name"):
        assert await sources.matches(query) == []
    # Found once, however often it is pushed; both sides leave their trace, and nobody an event.
    await sources.push(sources.two, national_code=CODE, name="第三种叫法（示例）")
    assert len(await sources.matches()) == 1
    traces = await sources.world.rows("SELECT project_id::text FROM audit_entries WHERE action LIKE 'project_matches%'")
    assert {row[0] for row in traces} == {first, second}
    assert await sources.world.rows("SELECT 1 FROM outbox_events WHERE type LIKE 'project_matches%'") == []


async def test_names_are_folded_and_need_one_region_and_one_entity(sources: Sources) -> None:
    await sources.push(sources.one, name="生态＋牧场“一期”（示例）")
    await sources.push(sources.two, name="生态+牧场 一期(示例)")
    [match] = await sources.matches()
    assert (match["basis"], match["state"]) == ("name", "open")
    # What speaks for it no more is taken back, and found again.
    await sources.push(sources.two, name="另一项目（示例）")
    assert [match["state"] for match in await sources.matches()] == ["withdrawn"]
    await sources.push(sources.two, name="生态+牧场一期（示例）")
    assert [match["state"] for match in await sources.matches()] == ["open"]
    entity = {"name": "另一主体（示例）", "kind": "enterprise"}
    await sources.push(sources.two, name="生态+牧场一期（示例）", investment_entity=entity)
    assert [match["state"] for match in await sources.matches()] == ["withdrawn"]


async def test_one_source_has_no_twins_of_its_own_and_a_draft_is_its_regions(sources: Sources) -> None:
    editor = await sources.world.person((Role.REGION_EDITOR, "152501"))
    await receipt(sources.one, [{**sources.row, "external_id": key} for key in ("A", "B")])
    path = await drafted(editor, await complete(sources.world, national_code=CODE))
    await sources.push(sources.two, national_code=CODE, name="另一叫法（示例）")
    assert await sources.matches() == []
    await done(editor, path, "propose")
    await sources.world.drain()
    [match] = await sources.matches()
    assert {match[side]["source_system"] for side in ("project", "other")} == {None, "two"}
    # An editor's own change is looked at, too.
    etag = (await editor.get(path)).headers["etag"]
    assert (await editor.patch(path, {"national_code": None}, etag=etag)).status_code == 200
    await sources.world.drain()
    assert [match["state"] for match in await sources.matches()] == ["withdrawn"]


async def test_no_receipt_tells_of_a_twin(sources: Sources, world: World) -> None:
    """What a system is told, and how, is the same where a twin exists and where none does."""
    rows = [{**sources.row, "external_id": "ONE-1", "national_code": CODE}]
    again = [{**rows[0], "name": "改名（示例）"}]
    lone = [await receipt(sources.one, part) for part in (rows, again)]
    await world.drain()
    with world.counting() as alone:
        await receipt(sources.one, rows)
    await sources.push(sources.two, national_code=CODE)
    assert len(await sources.matches()) == 1
    third = await world.machine("152501", source="three")
    met = [await receipt(third, part) for part in (rows, again)]
    await world.drain()
    assert len(await sources.matches()) == 3

    def told(receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        plain = [{**timeless(one), "source_system": ""} for one in receipts]
        return [{**one, "rows": [{**row, "id": None} for row in one["rows"]]} for one in plain]

    assert told(met) == told(lone)
    await receipt(sources.one, again)
    with world.counting() as beside:
        await receipt(sources.one, rows)
    assert beside == alone
    for machine in (sources.one, sources.two, third):
        assert (await machine.get(MATCHES)).status_code == 403
        [own] = (await machine.get("/v1/projects")).json()["items"]
        shown = (await machine.get(f"/v1/projects/{own['id']}/sources")).json()
        assert [source["project_id"] for source in shown["sources"]] == [own["id"]]


async def test_two_systems_push_the_same_code_at_once(sources: Sources) -> None:
    for number in range(3):
        code = f"2405-152501-04-01-00000{number}"
        rows = [
            {**sources.row, "external_id": f"R-{number}", "national_code": code, "name": f"竞相报送{number}（示例）"}
        ]
        answers = await asyncio.gather(push(sources.one, rows), push(sources.two, rows))
        assert [answer.json()["created"] for answer in answers] == [1, 1]
        await asyncio.gather(sources.world.drain(), sources.world.drain())
        assert len(await sources.matches("?state=open")) == number + 1


async def test_same_keeps_both_versions_and_can_be_undone(sources: Sources) -> None:
    first, second = await sources.twins()
    await done(sources.office, f"/v1/projects/{second}", "admit")
    [match] = await sources.matches()
    decided = await sources.decide(match, "same", kept_project_id=first)
    assert (decided["state"], decided["kept_project_id"]) == ("same", first)
    assert (decided["last_decision"]["outcome"], decided["last_decision"]["reason"]) == ("same", REASON["reason"])
    left = await sources.project(sources.office, second)
    assert (left["membership"], left["same_as"]) == ("left", first)
    assert (await sources.project(sources.office, first))["membership"] == "proposed"
    # Its own source learns that it left and why, and not as whose version.
    own = await sources.project(sources.two, second)
    assert (own["membership"], own["same_as"]) == ("left", None)
    history = (await sources.two.get(f"/v1/projects/{second}/history")).text
    assert "same-as" in history
    assert first not in history
    # It stays that source's version: its pushes go on, and the kept one stands.
    assert (await sources.push(sources.two, national_code=CODE, name="版本（示例）"))["action"] == "updated"
    assert (await sources.project(sources.two, second))["name"] == "版本（示例）"
    assert (await sources.project(sources.one, first))["name"] == sources.row["name"]
    editor = await sources.world.person((Role.REGION_EDITOR, "152501"))
    refused = await editor.act(f"/v1/projects/{second}", "re-enter", REASON)
    assert (refused.status_code, refused.json()["reason"]) == (409, "only_a_version")
    undone = await sources.decide(match, "reopen")
    assert (undone["state"], undone["kept_project_id"]) == ("open", None)
    back = await sources.project(sources.office, second)
    assert (back["membership"], back["same_as"]) == ("proposed", None)
    await done(sources.office, f"/v1/projects/{second}", "admit")
    acts = await sources.world.rows("SELECT outcome FROM project_match_decisions ORDER BY decided_at, id")
    assert sorted(row[0] for row in acts) == ["reopened", "same"]


async def test_a_declined_proposal_and_pending_changes(sources: Sources) -> None:
    first, second = await sources.twins()
    await done(sources.office, f"/v1/projects/{second}", "admit")
    assert (await sources.push(sources.two, national_code=CODE, name="待审（示例）"))["action"] == "proposed"
    [match] = await sources.matches()
    await sources.decide(match, "same", kept_project_id=first)
    [proposal] = (await sources.two.get("/v1/project-proposals")).json()["items"]
    assert proposal["state"] == "withdrawn"
    assert (await sources.push(sources.two, national_code=CODE, name="待审（示例）"))["action"] == "updated"
    assert (await sources.project(sources.two, second))["name"] == "待审（示例）"
    await sources.decide(match, "reopen")
    await sources.decide(match, "same", kept_project_id=second)
    declined = await sources.project(sources.office, first)
    assert (declined["membership"], declined["same_as"]) == ("declined", second)
    assert (await sources.office.get("/v1/admission-queue?kind=new")).json()["items"][0]["project_id"] == second


async def test_distinct_is_pinned_until_there_is_a_new_ground(sources: Sources) -> None:
    await sources.push(sources.one)
    await sources.push(sources.two)
    [match] = await sources.matches()
    assert match["basis"] == "name"
    told = await sources.decide(match, "distinct")
    assert (told["state"], told["last_decision"]["outcome"]) == ("distinct", "distinct")
    await sources.push(sources.two, construction_content="改写（示例）")
    assert [one["state"] for one in await sources.matches()] == ["distinct"]
    await sources.push(sources.one, national_code=CODE)
    await sources.push(sources.two, national_code=CODE)
    [again] = await sources.matches()
    assert (again["id"], again["state"], again["basis"]) == (match["id"], "open", "national_code")
    await sources.decide(again, "distinct")
    await sources.push(sources.two, national_code=CODE, construction_content="再改（示例）")
    assert [one["state"] for one in await sources.matches()] == ["distinct"]


async def test_a_third_source_is_compared_with_the_kept_one(sources: Sources) -> None:
    first, second = await sources.twins()
    [match] = await sources.matches()
    third = await sources.world.machine("152501", source="three")
    met = (await receipt(third, [{**sources.row, "external_id": "THREE-1", "national_code": CODE}]))["rows"][0]["id"]
    await sources.world.drain()
    assert len(await sources.matches("?state=open")) == 3
    await sources.decide(match, "same", kept_project_id=first)
    [rest] = await sources.matches("?state=open")
    assert {rest["project"]["project_id"], rest["other"]["project_id"]} == {first, met}
    # Who has versions is kept; a version is not decided on by itself.
    refused = await sources.office.act(f"{MATCHES}/{rest['id']}", "same", {**REASON, "kept_project_id": met})
    assert (refused.status_code, refused.json()["reason"]) == (409, "has_versions")
    await sources.decide(rest, "same", kept_project_id=first)
    shown = (await sources.office.get(f"/v1/projects/{met}/sources")).json()
    assert (shown["same_as"], [source["kept"] for source in shown["sources"]]) == (first, [True, False, False])
    assert {source["project_id"] for source in shown["sources"]} == {first, second, met}
    # Both pairs undone, the one between the two versions is a question again, too.
    await sources.decide(rest, "reopen")
    await sources.decide(match, "reopen")
    assert len(await sources.matches("?state=open")) == 3


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


async def test_who_decides_on_pairs(sources: Sources) -> None:
    first, second = await sources.twins()
    [match] = await sources.matches()
    path, body = f"{MATCHES}/{match['id']}", {**REASON, "kept_project_id": first}
    etag = (await sources.office.get(path)).headers["etag"]
    editor = await sources.world.person((Role.REGION_EDITOR, "152501"))
    for stranger in (editor, sources.one):
        assert (await stranger.get(MATCHES)).status_code == 403
        assert (await stranger.get(path)).status_code == 403
        assert (await stranger.post(f"{path}/same", body, etag=etag)).status_code == 403
    entity = (await sources.project(sources.office, first))["investment_entity"]["id"]
    for subject in ("region:152501", f"project:{first}", f"project:{second}", f"organisation:{entity}"):
        walled = await sources.world.person(Role.LEAGUE_OFFICE)
        await sources.world.wall(walled, subject)
        # Dossier is read all the same; every act is refused.
        [seen] = await sources.matches(actor=walled)
        assert {action["reason"] for action in seen["allowed_actions"]} == {"recused"}
        for action, sent in (("same", body), ("distinct", REASON), ("reopen", REASON)):
            refused = await walled.post(f"{path}/{action}", sent, etag=etag)
            assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    own = await sources.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, "152501"))
    assert (await own.post(f"{path}/distinct", REASON, etag=etag)).json()["reason"] == "outside_grant"
    bare = {"Authorization": ""}
    keyed = {**bare, "Idempotency-Key": uuid4().hex}
    assert (await sources.office.client.get(MATCHES, headers=bare)).status_code == 401
    assert (await sources.office.client.get(path, headers=bare)).status_code == 401
    for action in ("same", "distinct", "reopen"):
        answer = await sources.office.client.post(f"{path}/{action}", json=body, headers=keyed)
        assert answer.status_code == 401
        assert (await sources.office.post(f"{MATCHES}/{ABSENT}/{action}", body, etag=etag)).status_code == 404
    assert (await sources.office.get(f"{MATCHES}/{ABSENT}")).status_code == 404
    assert (await sources.office.get(f"{MATCHES}?state=odd")).status_code == 422
    assert (await sources.office.post(f"{path}/reopen", REASON, etag=etag)).status_code == 409
    assert (await sources.office.post(f"{path}/same", body)).status_code == 428
    odd = {**REASON, "kept_project_id": ABSENT}
    assert (await sources.office.post(f"{path}/same", odd, etag=etag)).json()["errors"][0][
        "pointer"
    ] == "/kept_project_id"
    assert (await sources.office.post(f"{path}/distinct", {}, etag=etag)).status_code == 422
    # What changed since it was seen makes the decision stale.
    await sources.push(sources.two, national_code=CODE, axis="ecology_to_industry")
    assert (await sources.office.post(f"{path}/same", body, etag=etag)).status_code == 412
    key = uuid4().hex
    etag = (await sources.office.get(path)).headers["etag"]
    once = await sources.office.post(f"{path}/same", body, etag=etag, key=key)
    again = await sources.office.post(f"{path}/same", body, etag=etag, key=key)
    assert (once.status_code, again.status_code) == (200, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert (await sources.office.post(f"{path}/same", body, etag=etag)).status_code == 409
    assert await sources.world.rows("SELECT 1 FROM project_match_decisions") == [(1,)]


async def test_two_officers_decide_at_once(sources: Sources) -> None:
    first, second = await sources.twins()
    [match] = await sources.matches()
    path = f"{MATCHES}/{match['id']}"
    other = await sources.world.person(Role.LEAGUE_OFFICE)
    etag = (await sources.office.get(path)).headers["etag"]
    answers = await asyncio.gather(
        sources.office.post(f"{path}/same", {**REASON, "kept_project_id": first}, etag=etag),
        other.post(f"{path}/same", {**REASON, "kept_project_id": second}, etag=etag),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert await sources.world.rows("SELECT 1 FROM projects WHERE same_as IS NOT NULL") == [(1,)]


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


async def test_pairs_are_listed_by_as_many_statements_however_many(sources: Sources, world: World) -> None:
    async def sent() -> int:
        with world.counting() as statements:
            await sources.matches()
        return len(statements)

    rows = [{**sources.row, "external_id": f"N-{number}", "name": f"第{number}项（示例）"} for number in range(6)]
    for machine in (sources.one, sources.two):
        await receipt(machine, rows[:1])
    await world.drain()
    few = await sent()
    for machine in (sources.one, sources.two):
        await receipt(machine, rows)
    await world.drain()
    assert len(await sources.matches()) == 6
    assert await sent() == few
