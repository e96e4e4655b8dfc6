"""A region's self-evaluation: pre-filled, completed, submitted, signed, returned, accepted; four eyes on each step."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app.models.identity import Role
from tests.attachments.uploads import uploaded
from tests.evaluations.scene import CODES, NUMBERS, OTHER, REGION, REMARK, Year, complete, done, etag_of, make_year
from tests.plans.scene import ITEMS, SIGNATURE
from tests.projects.library import admitted
from tests.world import Actor, World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world, pool=0)


async def filed_plan(year: Year, target: str = "45.6", *, amend: str | None = None) -> None:
    """The region's plan of the assessment year, filed; amended to another target where told."""
    made = await year.editor.post("/v1/plans", {"region_code": REGION, "year": 2025, "resource_assessment": "草原"})
    path = made.headers["location"]
    for section, body in ITEMS.items():
        stated = {**body, "target_value": target} if section == "targets" else body
        assert (await year.editor.post(f"{path}/{section}", stated)).status_code == 201
    for actor, action, body in filing(year):
        await done(actor, path, action, body)
    if amend:
        await done(year.editor, path, "amend", {"reason": "指标调整（示例）"})
        [item] = (await year.editor.get(f"{path}/targets")).json()["items"]
        place = f"{path}/targets/{item['id']}"
        await year.editor.patch(place, {"target_value": amend}, etag=await etag_of(year.editor, place))
        for actor, action, body in filing(year):
            await done(actor, path, action, body)


def filing(year: Year) -> list[tuple[Actor, str, Any]]:
    return [(year.editor, "submit", None), (year.approver, "sign", SIGNATURE), (year.office, "file", None)]


def sources(items: list[dict[str, Any]], code: str) -> dict[str, dict[str, Any]]:
    [item] = [item for item in items if item["criterion_code"] == code]
    return {source["of"]: source for source in item["prefilled"]["sources"]}


async def test_items_are_prefilled_from_the_filed_plan_and_the_library(year: Year) -> None:
    await filed_plan(year, amend="44.9")
    await admitted(year.world, year.editor, year.office)
    # A draft, and another region's member: neither counts.
    await year.editor.post("/v1/projects", {"region_code": REGION, "name": "草稿（示例）"})
    await admitted(year.world, (await year.staff(OTHER))[0], year.office, region=OTHER)
    path = await year.begun()
    items = (await year.editor.get(f"{path}/items")).json()["items"]
    assert [item["criterion_code"] for item in items] == list(CODES)
    grassland = sources(items, "grassland")["grassland_cover"]
    # A cut target shows: first and last.
    assert (grassland["first_value"], grassland["value"], grassland["baseline_value"]) == ("45.60", "44.90", "45.20")
    assert (grassland["filing_number"], grassland["plan_version"]) == ("两山备〔2026〕2号", 2)
    assert sources(items, "grassland")["stocking_rate"]["value"] is None
    library = sources(items, "key_projects")
    assert {name: source["value"] for name, source in library.items()} == {
        "projects": "1",
        "projects_finished": "0",
        "investment_planned": "150",
        "investment_done": "90.5",
    }
    assert sources(items, "livelihood")["expected_jobs"]["value"] == "12"
    assert sources(items, "plan_execution")["targets"]["value"] == "1"
    # Read once: what the library says later does not rewrite it.
    await admitted(year.world, year.editor, year.office)
    again = (await year.editor.get(f"{path}/items")).json()["items"]
    assert sources(again, "key_projects")["projects"]["value"] == "1"


async def test_without_a_plan_the_sources_say_nothing(year: Year) -> None:
    path = await year.begun()
    items = (await year.editor.get(f"{path}/items")).json()["items"]
    assert sources(items, "grassland")["grassland_cover"]["value"] is None
    assert sources(items, "key_projects")["projects"]["value"] == "0"


async def test_beginning_is_refused_in_order(year: Year, http: AsyncClient) -> None:
    cycle = year.cycle.rsplit("/", 1)[1]
    good = {"cycle_id": cycle, "region_code": REGION}
    assert (await http.post("/v1/evaluations", json=good, headers={"Idempotency-Key": "k"})).status_code == 401
    for actor in (year.approver, year.office, year.committee):
        assert (await actor.post("/v1/evaluations", good)).status_code == 403
    editor, _ = await year.staff(OTHER)
    refused = await editor.post("/v1/evaluations", good)
    assert (refused.status_code, refused.json()["reason"]) == (403, "outside_grant")
    for change, pointer in (
        ({"cycle_id": str(uuid4())}, "/cycle_id"),
        ({"region_code": "999999"}, "/region_code"),
        ({"region_code": "x"}, "/region_code"),
        ({"year": 2025}, "/year"),
    ):
        refused = await year.editor.post("/v1/evaluations", {**good, **change})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    league = await year.world.person((Role.REGION_EDITOR, "152500"))
    refused = await league.post("/v1/evaluations", {**good, "region_code": "152500"})
    assert refused.json()["errors"] == [
        {**refused.json()["errors"][0], "pointer": "/region_code", "code": "invalid_choice"}
    ]
    await year.begun()
    refused = await year.editor.post("/v1/evaluations", good)
    assert (refused.status_code, refused.json()["reason"]) == (409, "evaluation_exists")


async def test_submit_points_to_every_missing_part(year: Year) -> None:
    path = await year.begun()
    expected = {f"/items/{code}/statement" for code in CODES} | {f"/items/{code}/reported_value" for code in NUMBERS}
    refused = await year.editor.act(path, "submit")
    assert refused.status_code == 422
    assert {(e["pointer"], e["code"]) for e in refused.json()["errors"]} == {(p, "required") for p in expected}
    shown = (await year.editor.get(path)).json()
    assert set(shown["missing"]) == expected
    assert {a["action"]: a["reason"] for a in shown["allowed_actions"]}["submit"] == "incomplete"
    for item in (await year.editor.get(f"{path}/items")).json()["items"]:
        assert (await year.editor.act(path, "submit")).status_code == 422
        await complete(year.editor, path, item)
    assert (await year.editor.get(path)).json()["missing"] == []
    await done(year.editor, path, "submit")


async def test_an_item_is_completed_with_an_etag_of_its_own(year: Year, http: AsyncClient) -> None:
    path = await year.begun()
    item = (await year.editor.get(f"{path}/items")).json()["items"][2]
    place = f"{path}/items/{item['id']}"
    etag = await etag_of(year.editor, place)
    assert (await http.patch(place, json={})).status_code == 401
    assert (await year.approver.patch(place, {})).status_code == 403
    editor, _ = await year.staff(OTHER)
    assert (await editor.patch(place, {})).status_code == 404
    assert (await year.office.get(place)).status_code == 404
    assert (await year.editor.patch(f"{path}/items/{uuid4()}", {}, etag=etag)).status_code == 404
    assert (await year.editor.patch(place, {})).status_code == 428
    assert (await year.editor.patch(place, {}, etag='"9.0123456789abcdef"')).status_code == 412
    for body, pointer in (
        ({"reported_value": 45.5}, "/reported_value"),
        ({"reported_value": "NaN"}, "/reported_value"),
        ({"statement": ""}, "/statement"),
        ({"evidence": None}, "/evidence"),
        ({"evidence": [{"label": "报告", "attachment_id": str(uuid4())}]}, "/evidence/0/attachment_id"),
        ({"prefilled": {}}, "/prefilled"),
    ):
        refused = await year.editor.patch(place, body, etag=etag)
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer), body
    version = (await year.editor.get(path)).json()["version"]
    changed = await year.editor.patch(place, {"reported_value": "45.5", "statement": "提高（示例）"}, etag=etag)
    assert (changed.json()["reported_value"], changed.json()["version"]) == ("45.50", 2)
    assert (await year.editor.get(place)).json() == changed.json()
    assert (await year.editor.patch(place, {}, etag=etag)).status_code == 412
    # The self-evaluation's own version does not move.
    assert (await year.editor.get(path)).json()["version"] == version
    cleared = await year.editor.patch(place, {"statement": None}, etag=changed.headers["etag"])
    assert (cleared.json()["statement"], cleared.json()["reported_value"]) == (None, "45.50")


async def test_signing_freezes_what_the_office_reads(year: Year) -> None:
    path = await year.filled()
    await done(year.editor, path, "submit")
    assert (await year.office.get(path)).status_code == 404
    working = (await year.editor.get(f"{path}/items")).json()["items"]
    place = f"{path}/items/{working[0]['id']}"
    refused = await year.editor.patch(place, {"statement": "改（示例）"}, etag=await etag_of(year.editor, place))
    assert (refused.status_code, refused.json()["code"]) == (409, "state_conflict")
    signed = await done(year.approver, path, "sign")
    assert (signed["state"], signed["latest"]["number"]) == ("submitted", 1)
    read = (await year.office.get(path)).json()
    assert (read["content_source"], read["missing"], read["submitted_by"]) == ("version", None, None)
    frozen = (await year.office.get(f"{path}/items")).json()["items"]
    assert [{**item, "version": None, "updated_at": None} for item in working] == frozen
    assert (await year.office.get(place)).json() == frozen[0]
    [version] = await year.world.rows("SELECT content_sha256, submitted_by, signed_by FROM evaluation_versions")
    assert (version.submitted_by, version.signed_by) == (year.editor.id, year.approver.id)
    assert version.content_sha256 == read["latest"]["content_sha256"]


async def test_evidence_names_files_of_this_very_self_evaluation(year: Year) -> None:
    path = await year.filled()
    file = await uploaded(year.editor, path)
    elsewhere = await uploaded((await year.staff(OTHER))[0], await year.begun(OTHER))
    [item, *_] = (await year.editor.get(f"{path}/items")).json()["items"]
    place = f"{path}/items/{item['id']}"

    async def name(*files: str) -> Any:
        evidence = [{"label": "监测报告（示例）", "attachment_id": file.rsplit("/", 1)[1]} for file in files]
        return await year.editor.patch(place, {"evidence": evidence}, etag=await etag_of(year.editor, place))

    refused = await name(file, elsewhere)
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/evidence/1/attachment_id"]
    assert (await name(file)).status_code == 200
    # A file that was taken away meanwhile is no evidence.
    assert (await year.editor.delete(file, etag=await etag_of(year.editor, file))).status_code == 204
    refused = await year.editor.act(path, "submit")
    pointer = f"/items/{item['criterion_code']}/evidence/0/attachment_id"
    assert [(e["pointer"], e["code"]) for e in refused.json()["errors"]] == [(pointer, "unknown_reference")]
    file = await uploaded(year.editor, path)
    assert (await name(file)).status_code == 200
    await done(year.editor, path, "submit")
    assert (await year.office.get(f"{file}/content")).status_code == 404
    await done(year.approver, path, "sign")
    # Sent with the self-evaluation.
    assert (await year.office.get(f"{file}/content")).status_code == 200
    assert (await year.office.get(f"{path}/items")).json()["items"][0]["evidence"][0]["attachment_id"] in file


async def test_return_for_completion_and_send_again(year: Year) -> None:
    path = await year.sent()
    items = (await year.office.get(f"{path}/items")).json()["items"]
    body = {"note": "请补正（示例）", "remarks": [{"item_id": items[1]["id"], "text": REMARK}]}
    for change, pointer in (
        ({"remarks": []}, "/remarks"),
        ({"remarks": [{"item_id": str(uuid4()), "text": REMARK}]}, "/remarks/0/item_id"),
        ({"remarks": [{"item_id": items[1]["id"], "text": ""}]}, "/remarks/0/text"),
    ):
        refused = await year.office.act(path, "return", {**body, **change})
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, pointer)
    assert (await done(year.office, path, "return", body))["state"] == "returned"
    [answer] = (await year.editor.get(f"{path}/decisions")).json()["items"]
    assert (answer["outcome"], answer["remarks"]) == ("returned", body["remarks"])
    place = f"{path}/items/{items[1]['id']}"
    await year.editor.patch(place, {"statement": "已补充（示例）"}, etag=await etag_of(year.editor, place))
    # The office goes on reading what was sent.
    assert (await year.office.get(place)).json()["statement"] == items[1]["statement"]
    await done(year.editor, path, "submit")
    sent_back = await done(year.approver, path, "send-back", {"reason": "请核对（示例）"})
    assert (sent_back["state"], sent_back["send_back_reason"]) == ("returned", "请核对（示例）")
    assert (await year.office.get(path)).json()["send_back_reason"] is None
    await year.send(path)
    assert (await year.office.get(place)).json()["statement"] == "已补充（示例）"
    accepted = await done(year.office, path, "accept")
    assert accepted["state"] == "accepted"
    answers = (await year.office.get(f"{path}/decisions")).json()["items"]
    assert [(a["version_number"], a["outcome"]) for a in answers] == [(2, "accepted"), (1, "returned")]
    [copy] = await year.world.rows("SELECT content FROM review_copies")
    [version] = await year.world.rows("SELECT content FROM evaluation_versions WHERE number = 2")
    assert copy.content == version.content


async def test_send_back_of_a_first_draft(year: Year) -> None:
    path = await year.filled()
    await done(year.editor, path, "submit")
    assert (await done(year.approver, path, "send-back", {"reason": "请核对（示例）"}))["state"] == "draft"
    assert (await done(year.editor, path, "submit"))["send_back_reason"] is None


async def test_four_eyes(year: Year) -> None:
    both = await year.world.person((Role.REGION_EDITOR, REGION), (Role.REGION_APPROVER, REGION))
    path = await year.filled()
    await done(both, path, "submit")
    refused = await both.act(path, "sign")
    assert (refused.status_code, refused.json()["code"]) == (409, "four_eyes")
    await done(year.approver, path, "sign")
    assert len(await year.world.rows("SELECT 1 FROM evaluation_versions")) == 1


async def test_the_regions_own_staff_is_no_handler_of_it(year: Year) -> None:
    """Whatever office they also hold: they neither accept nor return, nor see what is judged."""
    path = await year.sent()
    inside = await year.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    for action, body in (("accept", None), ("return", {"remarks": [{"item_id": str(uuid4()), "text": REMARK}]})):
        refused = await inside.act(path, action, body)
        assert (refused.status_code, refused.json()["reason"]) == (403, "outside_grant")
    await done(year.office, path, "accept")
    assert (await inside.get(path)).json()["appraisal_file_id"] is None
    assert (await inside.get("/v1/appraisal-files")).json()["items"] == []


@pytest.mark.parametrize("action", ["submit", "send-back", "sign", "accept", "return"])
async def test_transitions_refuse_in_order(year: Year, action: str, http: AsyncClient) -> None:
    actor = {"submit": year.editor, "accept": year.office, "return": year.office}.get(action, year.approver)
    path = await (year.sent() if actor is year.office else year.filled())
    if action in {"sign", "send-back"}:
        await done(year.editor, path, "submit")
    bodies: dict[str, Any] = {"send-back": {"reason": "请核对（示例）"}}
    if action == "return":
        item = (await year.office.get(f"{path}/items")).json()["items"][0]["id"]
        bodies["return"] = {"remarks": [{"item_id": item, "text": REMARK}]}
    body, bad, url = bodies.get(action), {"nonsense": 1} if action in bodies else None, f"{path}/{action}"
    assert (await actor.client.post(url)).json()["code"] == "idempotency_key_missing"
    assert (await http.post(url, headers={"Idempotency-Key": "k"})).status_code == 401
    assert (await year.committee.post(url, bad)).json()["code"] == "insufficient_scope"
    outsider = await year.world.person((Role.REGION_EDITOR, OTHER), (Role.REGION_APPROVER, OTHER))
    assert (await outsider.post(url, bad)).status_code == (403 if actor is year.office else 404)
    assert (await actor.post(f"/v1/evaluations/{uuid4()}/{action}", bad)).status_code == 404
    assert (await actor.post(url, bad)).status_code == 428
    assert (await actor.post(url, bad, etag='"99.0123456789abcdef"')).status_code == 412
    etag = await etag_of(actor, path)
    if bad:
        assert (await actor.post(url, bad, etag=etag)).status_code == 422
    moved = await actor.post(url, body, etag=etag, key="once")
    assert moved.status_code == 200, moved.text
    replayed = await actor.post(url, body, etag=etag, key="once")
    assert (replayed.status_code, replayed.json()) == (200, moved.json())
    late = await actor.post(url, body, etag=etag)
    assert (late.status_code, late.json()["code"]) == (409, "state_conflict")


async def test_the_list_is_narrowed_and_costs_the_same_for_more_rows(year: Year) -> None:
    await year.sent()
    other = await year.begun(OTHER)
    seen = (await year.office.get("/v1/evaluations")).json()["items"]
    assert [item["region_code"] for item in seen] == [REGION]
    mine = (await (await year.staff(OTHER))[0].get("/v1/evaluations")).json()["items"]
    assert [item["id"] for item in mine] == [other.rsplit("/", 1)[1]]
    for query, count in (
        ("state=submitted", 1),
        ("state=draft", 0),
        (f"region_code={OTHER}", 0),
        ("assessment_year=2025", 1),
        ("assessment_year=2024", 0),
        (f"cycle_id={year.cycle.rsplit('/', 1)[1]}&include_total=true", 1),
    ):
        assert len((await year.office.get(f"/v1/evaluations?{query}")).json()["items"]) == count, query
    for query in ("sort=grade", "state=graded", "nonsense=1"):
        assert (await year.office.get(f"/v1/evaluations?{query}")).status_code == 422
    with year.world.counting() as one:
        await year.office.get("/v1/evaluations")
    await year.send(await year.filled("152522"), "152522")
    with year.world.counting() as two:
        assert len((await year.office.get("/v1/evaluations?sort=region_code")).json()["items"]) == 2
    assert len(two) == len(one)


async def test_sign_against_edit(year: Year) -> None:
    """Whatever wins: what was signed is what stood, and nothing is written after it."""
    path = await year.filled()
    [item, *_] = (await year.editor.get(f"{path}/items")).json()["items"]
    place = f"{path}/items/{item['id']}"
    for turn in range(12):
        etag = await etag_of(year.editor, place)
        plain = await etag_of(year.editor, path)
        changed, moved = await asyncio.gather(
            year.editor.patch(place, {"statement": f"第{turn}稿（示例）"}, etag=etag),
            year.editor.post(f"{path}/submit", etag=plain),
        )
        assert moved.status_code == 200, moved.text
        assert changed.status_code in {200, 409}
        late, signed = await asyncio.gather(
            year.editor.patch(place, {"statement": "迟到（示例）"}, etag=await etag_of(year.editor, place)),
            year.approver.post(f"{path}/sign", etag=moved.headers["etag"]),
        )
        assert (late.status_code, signed.status_code) == (409, 200), (late.text, signed.text)
        kept = (await year.editor.get(place)).json()["statement"]
        frozen = (await year.office.get(place)).json()["statement"]
        assert kept == frozen
        assert (frozen == f"第{turn}稿（示例）") == (changed.status_code == 200)
        await done(year.office, path, "return", {"remarks": [{"item_id": item["id"], "text": REMARK}]})


async def test_sign_against_close(year: Year) -> None:
    """Nothing is sent into a closed cycle, and no cycle closes over what was sent."""
    path = await year.filled()
    await done(year.editor, path, "submit")
    for _turn in range(20):
        # Back to before both, for the next round.
        async with year.world.admin.administration() as session:
            await session.execute(text("UPDATE evaluation_cycles SET phase = 'reviewing', version = version + 1"))
            await session.execute(text("UPDATE evaluations SET state = 'awaiting_signature', version = version + 1"))
        signed, closed = await asyncio.gather(year.approver.act(path, "sign"), year.office.act(year.cycle, "close"))
        outcome = (signed.status_code, closed.status_code)
        assert outcome in {(200, 409), (409, 200)}, (signed.text, closed.text)
        phase = (await year.office.get(year.cycle)).json()["phase"]
        state = (await year.editor.get(path)).json()["state"]
        assert (phase, state) in {("reviewing", "submitted"), ("closed", "awaiting_signature")}


async def test_begin_against_close(year: Year) -> None:
    """A self-evaluation is begun in an open cycle or not at all, and neither waits for the other for ever."""
    for region in ("152501", "152502", "152522", "152523", "152524", "152525"):
        editor, _ = await year.staff(region)
        async with year.world.admin.administration() as session:
            await session.execute(text("UPDATE evaluation_cycles SET phase = 'open', version = version + 1"))
        body = {"cycle_id": year.cycle.rsplit("/", 1)[1], "region_code": region}
        begun, closed = await asyncio.gather(editor.post("/v1/evaluations", body), year.office.act(year.cycle, "close"))
        assert closed.status_code == 200, closed.text
        assert begun.status_code in {201, 409}, begun.text
