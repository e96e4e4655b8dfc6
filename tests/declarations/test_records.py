"""What a recusal leaves on record: by when, on what ground, the letter, the timeline, the statistics."""

import re
from datetime import UTC, date, datetime

import pytest

from app.declarations.letters.rules import Letter, render
from app.models.declarations import RecusalState
from app.models.identity import Role
from tests.declarations.scene import DECIDED, OTHER, REGION, Scene, decided, place
from tests.declarations.test_reach import FACTS


@pytest.mark.parametrize(
    ("day", "due"),
    [
        ("2026-03-02", "2026-03-09"),  # Monday: five working days later
        ("2026-03-06", "2026-03-13"),
        ("2026-03-07", "2026-03-13"),  # a Saturday
        ("2026-02-13", "2026-02-27"),  # the 14th is worked, then the holidays until the 23rd
        ("2026-09-30", "2026-10-13"),  # the holiday; the 10th is worked
    ],
)
async def test_the_day_by_which_to_decide_counts_working_days(scene: Scene, day: str, due: str) -> None:
    [row] = await scene.world.rows("SELECT gate.working_day(CAST(:day AS date), 5) AS due", day=date.fromisoformat(day))
    assert row.due.isoformat() == due


async def test_an_application_has_its_day_and_is_late_after_it(scene: Scene) -> None:
    await scene.applied(scene.expert, scene.editor, region_code=REGION)
    [item] = (await scene.office.get("/v1/recusals")).json()["items"]
    assert item["due_on"] == "2026-03-09"
    [task] = [t for t in (await scene.office.get("/v1/tasks")).json()["items"] if t["kind"] == "decide_recusal"]
    assert task["due_on"] == "2026-03-09"
    assert (await scene.office.get("/v1/recusals", params={"overdue": "true"})).json()["items"] == []
    assert len((await scene.office.get("/v1/recusals", params={"overdue": "false"})).json()["items"]) == 1
    await scene.execute("UPDATE recusals SET due_on = '2026-02-27'")
    assert len((await scene.office.get("/v1/recusals", params={"overdue": "true"})).json()["items"]) == 1
    await decided(scene.office, place(item["id"]), "rejected")
    assert (await scene.office.get("/v1/recusals", params={"overdue": "true"})).json()["items"] == []


async def test_a_decision_names_the_law_as_it_stood(scene: Scene) -> None:
    path = await scene.order(scene.expert, region_code=REGION)
    etag = (await scene.second.get(path)).headers["etag"]
    refused = await scene.second.post(
        f"{path}/decide", {"outcome": "in_force", "reason": "示例", "legal_basis": "no_such_law"}, etag=etag
    )
    assert refused.status_code == 422
    assert [e["pointer"] for e in refused.json()["errors"]] == ["/legal_basis"]
    shown = await decided(scene.second, path, "in_force")
    [decision] = shown["decisions"]
    assert (decision["legal_basis"], decision["legal_basis_version"]) == ("civil_servants_76", 1)
    await scene.execute(
        "INSERT INTO legal_bases SELECT code, 2, title_zh, '第七十六条之二（示例）', gist_zh, applies, since, position "
        "FROM legal_bases WHERE code = 'civil_servants_76'"
    )
    assert "第七十六条。" not in (await scene.second.get(f"{path}/letter")).text
    assert "《公务员法》第七十六条，" in (await scene.second.get(f"{path}/letter")).text
    bases = (await scene.office.get("/v1/legal-bases", params={"limit": 200})).json()["items"]
    assert [b["version"] for b in bases if b["code"] == "civil_servants_76"] == [1, 2]


async def test_the_letter_is_for_deciders_and_for_who_is_concerned(scene: Scene) -> None:
    recusal = await scene.applied(scene.expert, scene.editor, region_code=REGION)
    assert (await scene.office.get(f"{place(recusal)}/letter")).status_code == 404
    assert (await scene.expert.get(f"/v1/me/recusals/{recusal}/letter")).status_code == 404
    await decided(scene.office, place(recusal), "in_force")
    await scene.world.renew(scene.expert)
    theirs = await scene.office.get(f"{place(recusal)}/letter")
    own = await scene.expert.get(f"/v1/me/recusals/{recusal}/letter")
    assert (theirs.status_code, own.status_code) == (200, 200)
    assert theirs.text == own.text
    assert own.headers["content-type"].startswith("text/html")
    for expected in (
        "回避决定书",
        "示例人员",
        "二连浩特市",
        DECIDED["reason"],
        "参照《公务员法》第七十六条",
        "2026年3月2日",
    ):
        assert expected in own.text, expected
    # Neither who informed, nor what was said, nor who decided.
    for hidden in ("举报", "甲乙丙", str(scene.office.id), str(scene.editor.id)):
        assert hidden not in own.text
    style = re.search(r"style-src '(sha256-[^']+)'", own.headers["content-security-policy"])
    assert style is not None
    assert (await scene.inspector.get(f"/v1/me/recusals/{recusal}/letter")).status_code == 404
    assert (await scene.editor.get(f"{place(recusal)}/letter")).status_code == 403


def test_a_letter_escapes_what_people_wrote() -> None:
    letter = Letter(
        "回避决〔2026〕1号",
        "<b>",
        "a & b",
        RecusalState.REJECTED,
        "<script>",
        None,
        datetime(2026, 3, 1, 17, tzinfo=UTC),
    )
    page = render(letter)
    assert "<script>" not in page
    assert "<b>" not in page
    assert "a &amp; b" in page
    assert "2026年3月2日" in page, "the day in the league, not in Greenwich"
    assert "不予回避决定书" in page


async def test_the_auditor_reads_what_followed(scene: Scene) -> None:
    """Metadata and hashes: what was suspended and voided, by which recusal, in its order."""
    seat = await scene.seat(scene.expert)
    path = await scene.order(scene.expert, region_code=REGION)
    await decided(scene.second, path, "in_force")
    recusal = path.rsplit("/", 1)[1]
    auditor = await scene.world.person(Role.AUDITOR)
    entries = (await auditor.get("/v1/audit-entries", params={"recusal_id": recusal})).json()["items"]
    told = {(e["action"], str(e["changes"].get("state"))) for e in entries}
    assert told == {
        ("recusals.order", "provisional"),
        ("assignments.follow_recusal", "['done', 'suspended']"),
        ("score_sheets.follow_recusal", "sealed"),
        ("recusals.decide", "None"),
        ("assignments.follow_recusal", "['suspended', 'voided']"),
        ("score_sheets.follow_recusal", "voided"),
    }
    assert {e["resource_id"] for e in entries} == {recusal, str(seat.assignment), str(seat.sheet)}
    assert "8.0" not in str(entries)
    # Nor does an auditor who is recused there.
    await scene.world.wall(auditor, f"region:{REGION}")
    assert (await auditor.get("/v1/audit-entries", params={"recusal_id": recusal})).json()["items"] == []


async def test_an_auditor_sees_no_recusal_that_reaches_the_own_wall(scene: Scene) -> None:
    """Filed under an organisation alone, it speaks of every region whose library holds it."""
    organisation = await scene.world.organisation(region_code="152500")
    await scene.project(organisation)
    path = await scene.order(scene.expert, organisation_id=str(organisation))
    auditor = await scene.world.person(Role.AUDITOR)
    about = {"resource_id": path.rsplit("/", 1)[1]}
    assert len((await auditor.get("/v1/audit-entries", params=about)).json()["items"]) == 1
    await scene.world.wall(auditor, f"region:{REGION}")
    assert (await auditor.get("/v1/audit-entries", params=about)).json()["items"] == []


async def test_statistics_show_who_dodges_and_whom_parties_avoid(scene: Scene) -> None:
    strict, dodging = scene.expert, await scene.world.person(Role.EXPERT, name="示例专家二")
    await scene.seat(dodging, region="152522")
    for region in (REGION, OTHER):
        await scene.own(dodging, region_code=region)
        editor = await scene.world.person((Role.REGION_EDITOR, region))
        taken = await scene.applied(strict, editor, region_code=region)
    await decided(scene.office, place(taken), "rejected")
    page = (await scene.office.get("/v1/recusal-statistics", params={"year": 2026, "include_total": "true"})).json()
    assert (page["population"], page["total"]) == ("visible_to_you", 2)
    by_person = {item["person_id"]: item for item in page["items"]}
    assert {k: by_person[str(dodging.id)][k] for k in ("by_self", "by_informants", "undecided", "invited")} == {
        "by_self": 2,
        "by_informants": 0,
        "undecided": 2,
        "invited": 1,
    }
    assert {k: by_person[str(strict.id)][k] for k in ("by_self", "by_informants", "rejected", "undecided")} == {
        "by_self": 0,
        "by_informants": 2,
        "rejected": 1,
        "undecided": 1,
    }
    assert (await scene.office.get("/v1/recusal-statistics", params={"year": 2025})).json()["items"] == []
    first = (await scene.office.get("/v1/recusal-statistics", params={"limit": 1})).json()
    rest = (
        await scene.office.get("/v1/recusal-statistics", params={"limit": 1, "cursor": first["next_cursor"]})
    ).json()
    assert {i["person_id"] for i in first["items"] + rest["items"]} == {str(strict.id), str(dodging.id)}


async def test_statistics_count_what_the_viewer_may_see(scene: Scene) -> None:
    await scene.own(scene.expert, region_code=REGION)
    await scene.own(scene.expert, region_code=OTHER)
    await scene.own(scene.inspector, region_code=REGION)
    [item] = (await scene.inspector.get("/v1/recusal-statistics")).json()["items"]
    assert (item["person_id"], item["by_self"]) == (str(scene.expert.id), 1)
    everything = (await scene.office.get("/v1/recusal-statistics")).json()["items"]
    assert {i["person_id"]: i["by_self"] for i in everything} == {str(scene.expert.id): 2, str(scene.inspector.id): 1}
    assert (await scene.editor.get("/v1/recusal-statistics")).status_code == 403


async def test_a_push_is_named_in_what_it_brought_about(scene: Scene) -> None:
    """A region names an investor that employs a member of its panel: nobody is suspended, a decision waits, and it
    says by whose act."""
    employer = await scene.world.organisation(region_code="152500")
    seat = await scene.seat(scene.expert)
    await scene.execute(
        "INSERT INTO employments (id, person_id, organisation_id, kind, starts_on, version, created_at, updated_at) "
        "SELECT gen_random_uuid(), :p, :o, 'staff', '2020-01-01', 1, now(), now() "
        "FROM (SELECT pg_advisory_xact_lock(gate.lock_key(:p))) AS locked",
        p=scene.expert.id,
        o=employer,
    )
    project = await scene.project(await scene.world.organisation())
    path = f"/v1/projects/{project}"
    etag = (await scene.editor.get(path)).headers["etag"]
    changed = await scene.editor.patch(path, {"organisation_id": str(employer), **FACTS}, etag=etag)
    assert changed.status_code == 200, changed.text
    await scene.world.drain()
    assert await scene.state(seat) == ("done", "submitted", False)
    [item] = (await scene.office.get("/v1/recusals")).json()["items"]
    assert (item["initiator"], item["state"], item["attributed_to"]) == ("detected", "pending", str(scene.editor.id))
