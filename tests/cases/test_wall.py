"""The judgement on a case behind the wall: its region, whoever is recused, and a recusal after the fact."""

from typing import Any
from uuid import uuid4

import pytest
from httpx import AsyncClient
from sqlalchemy import text

from app.models.identity import Role
from tests.cases.scene import (
    OTHER,
    REGION,
    SHEETS,
    Selection,
    actions,
    done,
    make_selection,
    scrubbed,
)
from tests.projects import library
from tests.reviews.scene import order_recusal
from tests.world import Actor, World

REMARKS = {"remarks": "请补充（示例）"}


@pytest.fixture
async def selection(world: World) -> Selection:
    return await make_selection(world)


async def uphold(selection: Selection) -> None:
    for recusal in (await selection.committee.get("/v1/recusals?state=provisional")).json()["items"]:
        decision = {"outcome": "in_force", "reason": "情况属实（示例）"}
        await done(selection.committee, f"/v1/recusals/{recusal['id']}", "decide", decision)


@pytest.mark.parametrize("subject", ["region", "case"])
async def test_a_recused_officer_reads_the_case_and_handles_and_judges_none_of_it(
    selection: Selection, subject: str
) -> None:
    walled = await selection.world.person(Role.LEAGUE_OFFICE)
    path = await selection.recommended()
    key = REGION if subject == "region" else path.rsplit("/", 1)[1]
    await selection.world.wall(walled, f"{subject}:{key}")
    for action, body in (("return", REMARKS), ("start-review", None)):
        refused = await walled.act(path, action, body)
        assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    assert actions((await walled.get(path)).json())["start-review"] == "recused"
    before = await walled.get(path)
    shown = await done(selection.office, path, "start-review")
    file = f"/v1/case-files/{shown['case_file_id']}"
    panel = f"/v1/panels/{await selection.panel(file)}"
    # The dossier as before, to the byte; of the judgement nothing, as if it were not there.
    after = await walled.get(path)
    assert (scrubbed(after), after.headers["etag"]) == (scrubbed(before), before.headers["etag"])
    assert (await walled.act(path, "return", REMARKS)).json()["code"] == "recused"
    absent = await walled.get(f"/v1/case-files/{uuid4()}")
    hidden = await walled.get(file)
    assert (hidden.status_code, scrubbed(hidden)) == (404, scrubbed(absent))
    assert (await walled.get("/v1/case-files")).json()["items"] == []
    assert (await walled.get(panel)).status_code == 404
    assert (await walled.post(f"{panel}/draw")).status_code == 404
    assert (await selection.office.get(panel)).status_code == 200
    # Mechanical acts over the set are anybody's: the answer has no content, and the worker sees the hidden file.
    asked = await walled.act(selection.round, "select")
    assert (asked.status_code, asked.content) == (202, b"")
    await selection.world.drain()
    assert (await selection.row(file)).state == "under_review"


async def test_a_recused_officer_is_told_no_more_of_the_round_than_if_there_were_no_file(selection: Selection) -> None:
    walled = await selection.world.person(Role.LEAGUE_OFFICE)
    await selection.world.wall(walled, f"region:{REGION}")
    before = actions((await walled.get(selection.round)).json())
    path = await selection.recommended()
    assert actions((await selection.office.get(selection.round)).json())["select"] == "undecided"
    assert actions((await walled.get(selection.round)).json()) == before
    await done(selection.office, path, "start-review")
    assert actions((await selection.office.get(selection.round)).json())["select"] == "panel_incomplete"
    assert actions((await walled.get(selection.round)).json()) == before


async def test_who_is_recused_from_the_investor_handles_no_case_about_its_project(selection: Selection) -> None:
    organisation = await selection.world.organisation()
    walled = await selection.world.person(Role.LEAGUE_OFFICE)
    draft = await library.drafted(selection.editor, await library.complete(selection.world))
    refused = await selection.editor.post("/v1/cases", selection.body(project_id=draft.rsplit("/", 1)[1]))
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "invalid_choice")
    member = await library.admitted(selection.world, selection.editor, selection.office, organisation_id=organisation)
    path = await selection.recommended(project_id=member.rsplit("/", 1)[1])
    await selection.world.wall(walled, f"organisation:{organisation}")
    for action, payload in (("return", REMARKS), ("start-review", None)):
        assert (await walled.act(path, action, payload)).json()["code"] == "recused"
    await done(selection.office, path, "start-review")


async def test_the_region_does_not_learn_of_the_review(selection: Selection) -> None:
    path = await selection.recommended()
    watchers = (selection.editor, selection.approver)
    before = [scrubbed(await watcher.get(path)) for watcher in watchers]
    shown = await done(selection.office, path, "start-review")
    file = f"/v1/case-files/{shown['case_file_id']}"
    await selection.draw(file)
    for seat, score in zip(await selection.seats(file), SHEETS, strict=True):
        await selection.score(seat, score)
    await selection.world.drain()
    await selection.ask("select")
    assert [scrubbed(await watcher.get(path)) for watcher in watchers] == before
    for watcher in watchers:
        assert (await watcher.get(file)).status_code == 404
        assert (await watcher.get("/v1/case-files")).json()["items"] == []
        assert (await watcher.get(f"{path}/decisions")).json()["items"] == []
        assert (await watcher.get(f"/v1/panels/{await selection.panel(file)}")).status_code in {403, 404}


async def test_case_files_answer_in_order(selection: Selection, http: AsyncClient) -> None:
    _, file = await selection.started()
    for place in (file, "/v1/case-files"):
        assert (await http.get(place)).status_code == 401
        for stranger in (selection.review.experts[0], await selection.world.machine(REGION)):
            assert (await stranger.get(place)).json()["code"] == "insufficient_scope"
    organisation = await selection.world.organisation(region_code="152500")
    department = await selection.world.person((Role.LEAGUE_DEPARTMENT, organisation))
    other, _ = await selection.staff(OTHER)
    for stranger in (department, other):
        assert (await stranger.get(file)).status_code == 404
        assert (await stranger.get("/v1/case-files")).json()["items"] == []
    inspector = await selection.world.person(Role.DISCIPLINE_INSPECTOR)
    for reader in (selection.office, selection.leader, inspector):
        assert (await reader.get(file)).status_code == 200
        assert len((await reader.get("/v1/case-files")).json()["items"]) == 1
    assert (await selection.office.get("/v1/case-files/nonsense")).status_code == 404
    for query, count in (
        (f"round_id={selection.round_id}&region_code={REGION}", 1),
        ("state=under_review&stale=false", 1),
        ("stale=true", 0),
        (f"round_id={uuid4()}", 0),
    ):
        assert len((await selection.office.get(f"/v1/case-files?{query}")).json()["items"]) == count, query
    for query in ("state=secret", "sort=total", "nonsense=1"):
        assert (await selection.office.get(f"/v1/case-files?{query}")).status_code == 422, query


async def test_a_late_recusal_takes_the_selection_back_until_it_is_repaired(selection: Selection) -> None:
    file = await selection.reviewed()
    await selection.ask("select")
    assert (await selection.row(file)).state == "selected"
    [(expert, assignment), *_] = await selection.seats(file)
    await order_recusal(selection.review, selection.leader, expert)
    assert (await selection.row(file)).stale is True
    for action in ("select", "publish"):
        refused = await selection.office.act(selection.round, action)
        assert (refused.status_code, refused.json()["reason"]) == (409, "stale"), action
    await selection.world.renew(expert)
    assert (await expert.get(assignment)).status_code == 404
    await selection.world.drain()
    row = await selection.row(file)
    assert (row.state, row.stale, row.total, row.explanation) == ("under_review", False, None, None)
    # Ordered by one person, and not decided by another yet.
    assert (await selection.office.act(selection.round, "select")).json()["reason"] == "application_pending"
    await uphold(selection)
    await selection.world.drain()
    assert (await selection.office.act(selection.round, "select")).json()["reason"] == "panel_incomplete"
    await score_the_vacant_seat(selection, file, "50")
    assert await selection.publications() == []
    await selection.ask("select")
    row = await selection.row(file)
    assert (row.state, len(row.explanation["sheets"])) == ("selected", 3)
    assert {"innovation": "50", "results": "50", "transferability": "50", "regularity": "50"} in row.explanation[
        "sheets"
    ]
    await selection.ask("publish")
    assert len(await selection.publications()) == 1


async def score_the_vacant_seat(selection: Selection, file: str, score: str) -> None:
    rows = await selection.world.rows(
        "SELECT id, person_id FROM assignments WHERE panel_id = :panel AND NOT is_reserve AND state = 'invited'",
        panel=await selection.panel(file),
    )
    people = {expert.id: expert for expert in selection.review.experts}
    [row] = rows
    await selection.score((people[row.person_id], f"/v1/assignments/{row.id}"), score)
    await selection.world.drain()


async def test_what_was_asked_for_in_time_is_not_done_when_a_recusal_comes_between(selection: Selection) -> None:
    file = await selection.reviewed()
    assert (await selection.office.act(selection.round, "select")).status_code == 202
    [(expert, _), *_] = await selection.seats(file)
    await order_recusal(selection.review, selection.leader, expert)
    await selection.world.drain()
    assert (await selection.row(file)).state == "under_review"
    assert (await selection.row(file)).total is None


async def test_an_application_for_recusal_holds_the_selection_up(selection: Selection) -> None:
    file = await selection.reviewed()
    [(expert, _), *_] = await selection.seats(file)
    await inform(selection.editor, expert)
    refused = await selection.office.act(selection.round, "select")
    assert (refused.status_code, refused.json()["reason"]) == (409, "application_pending")
    [pending] = (await selection.leader.get("/v1/recusals?state=pending")).json()["items"]
    decision = {"outcome": "rejected", "reason": "所述情形不属于回避事由（示例）"}
    await done(selection.leader, f"/v1/recusals/{pending['id']}", "decide", decision)
    await selection.ask("select")
    assert (await selection.row(file)).state == "selected"


async def inform(actor: Actor, about: Actor) -> None:
    body: dict[str, Any] = {
        "initiator": "informant",
        "person_id": str(about.id),
        "region_code": REGION,
        "relation_code": "kinship",
        "statement": "据反映（示例）",
    }
    assert (await actor.post("/v1/recusals", body)).status_code == 202


async def test_after_publication_it_stands_under_correction(selection: Selection) -> None:
    file = await selection.reviewed()
    [(expert, _), *_] = await selection.seats(file)
    await selection.ask("select")
    await selection.ask("publish")
    [publication] = await selection.publications()
    await order_recusal(selection.review, selection.leader, expert)
    await selection.world.drain()
    row = await selection.row(file)
    assert (row.state, row.stale, row.under_correction) == ("published", False, True)
    assert await selection.publications() == [publication]


async def test_whoever_had_a_hand_in_the_case_is_not_drawn_for_it(selection: Selection) -> None:
    hand = selection.review.experts[0]
    path = await selection.recommended()
    async with selection.world.admin.administration() as session:
        await session.execute(text("UPDATE cases SET edited_by = ARRAY[CAST(:p AS uuid)]"), {"p": hand.id})
    shown = await done(selection.office, path, "start-review")
    file = f"/v1/case-files/{shown['case_file_id']}"
    await selection.draw(file)
    panel = await selection.panel(file)
    seated = await selection.world.rows("SELECT person_id FROM assignments WHERE panel_id = :p", p=panel)
    assert len(seated) == 3
    assert hand.id not in {row.person_id for row in seated}
    [draw] = await selection.world.rows("SELECT excluded FROM draws WHERE panel_id = :p", p=panel)
    assert draw.excluded == {"prepared_it": 1}


async def test_who_is_walled_from_one_case_learns_nothing_from_the_selection_of_another(world: World) -> None:
    """Of two cases one place: that this one is not selected says that the other is, and is the better one."""
    selection = await make_selection(world, pool=6, selected_at_most=1)
    seen = await selection.reviewed(REGION, ("80", "80", "80"))
    await selection.reviewed(OTHER, ("95", "95", "95"), title="另一案例（示例）")
    walled = await selection.world.person(Role.LEAGUE_OFFICE)
    await selection.world.wall(walled, f"region:{OTHER}")
    assert (await walled.get(seen)).status_code == 200
    await selection.ask("select")
    assert (await selection.office.get(seen)).json()["state"] == "not_selected"
    absent = await walled.get(f"/v1/case-files/{uuid4()}")
    assert scrubbed(await walled.get(seen)) == scrubbed(absent)
    for state in ("selected", "not_selected", "scored", "under_review"):
        assert (await walled.get("/v1/case-files", params={"state": state})).json()["items"] == []
    await selection.ask("publish")
    # Then it is everybody's.
    assert (await walled.get(seen)).json()["state"] == "not_selected"


async def test_the_trace_of_a_case_is_walled_by_the_case(selection: Selection) -> None:
    path, file = await selection.started()
    await selection.draw(file)
    walled, other = [await selection.world.person(Role.AUDITOR) for _ in range(2)]
    await selection.world.wall(walled, f"case:{path.rsplit('/', 1)[1]}")
    kinds = {"case", "case_file", "panel", "assignment"}
    seen = []
    for auditor in (walled, other):
        entries = (await auditor.get("/v1/audit-entries", params={"limit": 200})).json()["items"]
        seen.append({entry["resource_kind"] for entry in entries} & kinds)
    assert seen == [set(), kinds]
