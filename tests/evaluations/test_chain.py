"""From the self-evaluation to the publication, over HTTP, with three experts; and every step's own trace."""

import hashlib
import json

import pytest
from httpx import AsyncClient

from app.evaluations.files.rules import recompute
from tests.evaluations.scene import APPRAISAL, OTHER, REGION, SECRET, Year, make_year
from tests.world import World


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


async def test_from_self_evaluation_to_publication(year: Year, http: AsyncClient) -> None:
    file = await year.approved()
    shown = (await year.office.get(file)).json()
    # 0.7 × (80 + 87.65 + 92.5) / 3 + 0.3 × 90
    assert shown["state"] == "approved"
    assert (shown["result"]["total"], shown["result"]["grade"]) == ("87.7017", "good")
    explanation = (await year.office.get(f"{file}/explanation")).json()
    assert [sheet["worth"] for sheet in explanation["sheets"]] == ["80", SECRET, "92.5"]
    assert (explanation["appraisal"], explanation["grade_name"]) == ("90", "良好")
    total, grade = recompute(explanation)
    assert (format(total, "f"), grade) == ("87.7017", "good")
    await year.close()
    [publication] = await year.publish()
    assert (publication["kind"], publication["year"], publication["number"]) == ("evaluation_results", 2025, 1)
    assert (await year.office.get(year.cycle)).json()["phase"] == "published"
    # Everybody reads it, byte for byte, without a token.
    place = f"/v1/publications/{publication['id']}"
    assert (await http.get(place)).json() == publication
    content = await http.get(f"{place}/content")
    assert hashlib.sha256(content.content).hexdigest() == publication["content_sha256"]
    assert content.headers["etag"] == f'"{publication["content_sha256"]}"'
    assert len(content.content) == publication["size"]
    document = json.loads(content.content)
    assert document["regions"] == [
        {"region_code": REGION, "region_name": "二连浩特市", "grade": "good", "grade_name": "良好"}
    ]
    assert document["scheme"]["is_example"] is True
    assert SECRET not in content.text
    assert "87.70" not in content.text
    again = await http.get(f"{place}/content", headers={"If-None-Match": content.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await year.office.get(file)).json()["state"] == "published"


async def test_each_step_leaves_its_trace_and_no_value_of_the_judgement(year: Year) -> None:
    await year.approved()
    await year.close()
    await year.publish()
    rows = await year.world.rows(
        "SELECT action, actor_id, region_code, changes::text AS changes, reason FROM audit_entries"
        " WHERE outcome = 'done' AND action ~ '^(evaluation|appraisal|publications)'"
    )
    by_action = {row.action: row for row in rows}
    events = {row.type for row in await year.world.rows("SELECT type FROM outbox_events")}
    acts = {
        "evaluation_cycles.create",
        "evaluations.create",
        "evaluations.items.update",
        "evaluations.submit",
        "evaluations.sign",
        "evaluations.accept",
        "appraisal_files.appraise",
        "appraisal_files.compute",
        "appraisal_files.grade",
        "appraisal_files.approve",
        "evaluation_cycles.close",
        "publications.publish",
        "appraisal_files.publish",
        "evaluation_cycles.publish",
    }
    requested = {"appraisal_files.request_grade", "evaluation_cycles.request_publication"}
    assert acts | requested == by_action.keys()
    assert acts <= events
    assert not events & requested
    assert by_action["appraisal_files.grade"].actor_id is None
    assert by_action["appraisal_files.approve"].actor_id == year.leader.id
    assert {by_action[a].region_code for a in acts if a.startswith("appraisal")} == {REGION}
    judged = [row for row in rows if row.action.startswith("appraisal")]
    for secret in (SECRET, "87.7017", APPRAISAL["reason"], "good"):
        assert not any(secret in row.changes or secret in (row.reason or "") for row in judged)


async def test_two_regions_are_published_by_their_codes_and_nothing_early(year: Year) -> None:
    other = await year.approved(OTHER)
    file = await year.graded()
    assert (await year.office.act(year.cycle, "publish")).json()["reason"] == "wrong_state"
    await year.close()
    assert await year.publish() == []
    assert (await year.office.get(year.cycle)).json()["phase"] == "closed"
    assert (await year.row(other)).state == "approved"
    approved = await year.leader.act(file, "approve")
    assert approved.status_code == 200, approved.text
    [publication] = await year.publish()
    content = (await year.office.get(f"/v1/publications/{publication['id']}/content")).json()
    assert [region["region_code"] for region in content["regions"]] == [REGION, OTHER]
    # Once, and never again.
    refused = await year.office.act(year.cycle, "publish")
    assert (refused.status_code, refused.json()["code"]) == (409, "state_conflict")
    assert len(await year.world.rows("SELECT 1 FROM publications")) == 1


async def test_publishing_asked_for_twice_is_done_once(year: Year) -> None:
    await year.approved()
    await year.close()
    for _ in range(2):
        assert (await year.office.act(year.cycle, "publish")).status_code == 202
    await year.world.drain()
    assert len(await year.world.rows("SELECT 1 FROM publications")) == 1


async def test_a_repeated_key_asks_once_and_answers_alike(year: Year) -> None:
    file = await year.appraised()
    etag = (await year.office.get(file)).headers["etag"]
    answers = [await year.office.post(f"{file}/grade", etag=etag, key="once") for _ in range(2)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(202, b"")] * 2
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert len(await year.world.rows("SELECT 1 FROM jobs WHERE kind = 'evaluations.grade'")) == 1
    await year.world.drain()
    assert len(await year.results(file)) == 1
