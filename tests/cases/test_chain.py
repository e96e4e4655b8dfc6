"""From the draft to the publication, over HTTP, with three experts; and every step's own trace."""

import hashlib
import json

import pytest
from httpx import AsyncClient

from tests.cases.scene import OTHER, REGION, SECRET, TEXTS, WEIGHTS, Selection, make_selection
from tests.world import World


@pytest.fixture
async def selection(world: World) -> Selection:
    return await make_selection(world)


async def test_from_draft_to_publication(selection: Selection, http: AsyncClient) -> None:
    weaker = await selection.reviewed(OTHER, ("80", "80", "80"), title="另一案例（示例）")
    file = await selection.reviewed(mode_code=await a_mode(selection))
    shown = (await selection.office.get(file)).json()
    assert (shown["state"], shown["panel"]["state"], shown["explanation"]) == ("under_review", "complete", None)
    await selection.ask("select")
    shown = (await selection.office.get(file)).json()
    # The mean of 80, 87.65 and 92.5.
    assert (shown["state"], shown["explanation"]["total"]) == ("selected", "86.7167")
    assert shown["explanation"]["sheets"] == [dict.fromkeys(WEIGHTS, score) for score in ("80", SECRET, "92.5")]
    assert (await selection.office.get(weaker)).json()["state"] == "not_selected"
    await selection.ask("publish")
    [publication] = await selection.publications()
    assert (publication["kind"], publication["year"], publication["number"]) == ("cases", 2026, 1)
    # Everybody reads it, byte for byte, without a token.
    content = await http.get(f"/v1/publications/{publication['id']}/content")
    assert hashlib.sha256(content.content).hexdigest() == publication["content_sha256"]
    document = json.loads(content.content)
    [told] = document["cases"]
    assert (told["region_code"], told["region_name"]) == (REGION, "二连浩特市")
    assert (told["title"], told["summary"]) == ("生态旅游（示例）", TEXTS["summary"])
    assert told["mode_name"]
    assert told.keys() == {"case_id", "region_code", "region_name", "title", "mode_code", "mode_name", "summary"}
    for secret in (SECRET, "86.71", "另一案例", TEXTS["innovation"]):
        assert secret not in content.text
    assert (await selection.office.get(selection.round)).json()["phase"] == "published"
    assert (await selection.office.get(file)).json()["state"] == "published"
    refused = await selection.office.act(selection.round, "publish")
    assert (refused.status_code, refused.json()["reason"]) == (409, "wrong_state")


async def test_the_published_cases_are_in_the_order_of_the_regions(world: World) -> None:
    selection = await make_selection(world, selected_at_most=3, quota=2)
    for region, scores, title in (
        (OTHER, ("99", "99", "99"), "甲（示例）"),
        (REGION, ("70", "70", "70"), "乙（示例）"),
        (REGION, ("80", "80", "80"), "丙（示例）"),
    ):
        await selection.reviewed(region, scores, title=title)
    await selection.ask("select")
    await selection.ask("publish")
    [publication] = await selection.publications()
    content = (await selection.office.get(f"/v1/publications/{publication['id']}/content")).json()
    listed = [(case["region_code"], case["title"]) for case in content["cases"]]
    assert listed == [(REGION, "丙（示例）"), (REGION, "乙（示例）"), (OTHER, "甲（示例）")]


async def test_each_step_leaves_its_trace_and_no_value_of_the_judgement(selection: Selection) -> None:
    path = await selection.recommended()
    returned = await selection.office.act(path, "return", {"remarks": "请补充（示例）"})
    assert returned.status_code == 200, returned.text
    seen = await selection.editor.get(path)
    patched = await selection.editor.patch(path, {"results": "成效（示例）"}, etag=seen.headers["etag"])
    assert patched.status_code == 200, patched.text
    assert (await selection.office.act(selection.round, "close")).status_code == 200
    assert (await selection.approver.act(path, "recommend")).status_code == 200
    shown = (await selection.office.act(path, "start-review")).json()
    file = f"/v1/case-files/{shown['case_file_id']}"
    await selection.draw(file)
    for seat in await selection.seats(file):
        await selection.score(seat, SECRET)
    await selection.world.drain()
    await selection.ask("select")
    await selection.ask("publish")
    rows = await selection.world.rows(
        "SELECT action, actor_id, region_code, changes::text AS changes, reason FROM audit_entries"
        " WHERE outcome = 'done' AND (action LIKE 'case%' OR action LIKE 'publications%')"
    )
    by_action = {row.action: row for row in rows}
    events = {row.type for row in await selection.world.rows("SELECT type FROM outbox_events")}
    acts = {
        "case_rounds.create",
        "case_rounds.close",
        "case_rounds.end",
        "case_rounds.select",
        "case_rounds.publish",
        "cases.create",
        "cases.update",
        "cases.recommend",
        "cases.return",
        "case_files.open",
        "case_files.compute",
        "case_files.select",
        "case_files.publish",
        "publications.publish",
    }
    requested = {"case_rounds.request_selection", "case_rounds.request_publication"}
    assert acts | requested == by_action.keys()
    assert acts <= events
    assert not events & requested
    assert by_action["cases.recommend"].actor_id == selection.approver.id
    assert by_action["case_files.open"].actor_id == selection.office.id
    assert by_action["case_files.select"].actor_id is None
    assert by_action["cases.return"].reason == "请补充（示例）"
    judged = [row for row in rows if row.action.startswith(("case_files", "case_rounds"))]
    assert {row.region_code for row in judged if row.action.startswith("case_files")} == {REGION}
    for secret in (SECRET, "selected"):
        assert not any(f'"{secret}"' in row.changes for row in judged)


async def a_mode(selection: Selection) -> str:
    [row] = await selection.world.rows("SELECT code FROM conversion_modes ORDER BY position LIMIT 1")
    return str(row.code)
