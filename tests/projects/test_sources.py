"""Two systems, one project: flagged for a person, never merged silently, and no system is told of the other's row."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from app.models.identity import Role
from tests.imports.pushing import push, receipt, timeless
from tests.projects.library import complete, done, drafted
from tests.projects.sources import ABSENT, CODE, MATCHES, REASON, Sources
from tests.world import World


@pytest.fixture
async def sources(world: World, sample: bytes) -> Sources:
    return await Sources.of(world, sample)


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
