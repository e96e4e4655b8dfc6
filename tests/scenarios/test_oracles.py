"""What an answer gives away beside its content: status, length of the way, ids, constraints, affordances."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from app.models.identity import Role
from tests.declarations.scene import Scene
from tests.evaluations.scene import Year
from tests.imports.pushing import receipt, rows_of
from tests.scenarios.attack import attack, gate, no_wall, patched, sql
from tests.scenarios.scene import OTHER, REGION, answer, knock, nowhere, recuse

JUDGEMENT = ("appraisal_files", "panels", "assignments", "review_copies", "score_sheets", "result_versions")


@attack(23, no_wall(*JUDGEMENT))
async def test_23_forbidden_or_not_found(year: Year) -> None:
    """Hidden and absent are one answer, byte for byte, by the same number of questions to the database."""
    file = await year.graded()
    shown = (await year.office.get(file)).json()
    [(_, seat), *_] = await year.seats(file)
    panel = f"/v1/panels/{shown['panel']['id']}"
    officer = await year.judge(Role.LEAGUE_OFFICE)
    await recuse(year.world, officer)
    for door in (file, f"{file}/explanation", panel, seat, f"{seat}/score-sheet", f"{seat}/dossier"):
        with year.world.counting() as asked:
            hidden = await knock(officer, door)
        with year.world.counting() as asked_of_nothing:
            absent = await nowhere(officer, door)
        assert hidden == absent, door
        assert len(asked) == len(asked_of_nothing), door
    body = {"score": "90", "reason": "示例"}
    for act, payload in (("appraise", body), ("grade", None), ("approve", None)):
        told = [
            answer(await officer.post(f"{at}/{act}", payload, etag='"1.0123456789abcdef"'))
            for at in (file, f"/v1/appraisal-files/{uuid4()}")
        ]
        assert told[0] == told[1], act
    for act, payload in (("draw", None), ("assign", {"person_id": str(officer.id), "reason": "示例"})):
        told = [answer(await officer.post(f"{at}/{act}", payload)) for at in (panel, f"/v1/panels/{uuid4()}")]
        assert told[0] == told[1], act


IN_ORDER = patched("app.core.clock.SystemIds.random", lambda self: self.dossier(datetime.now(UTC)))


@attack(24, IN_ORDER)
async def test_24_guessing_ids(year: Year) -> None:
    """What belongs to judgement and conflict has a random id, that tells neither when nor after what it was made."""
    file = await year.graded()
    [(expert, seat), *_] = await year.seats(file)
    await recuse(year.world, expert)
    await year.world.drain()
    for table in (
        *("panels", "assignments", "score_sheets", "appraisal_files", "draws", "recusals"),
        *("audit_entries", "outbox_events", "jobs"),
    ):
        rows = await year.world.rows(f"SELECT id FROM {table}")  # noqa: S608
        assert rows, table
        assert {row.id.version for row in rows} == {4}, table
    for guess in ("1", "2", str(UUID(seat.rsplit("/", 1)[1]).int), "latest"):
        assert (await year.office.get(f"/v1/assignments/{guess}")).status_code == 404


TWICE_IS_THE_DATABASES = gate(
    "assign",
    ("OR EXISTS (SELECT FROM assignments AS a WHERE a.panel_id = panel AND a.person_id = person)", ""),
)


@attack(25, TWICE_IS_THE_DATABASES)
async def test_25_what_a_constraint_says(year: Year) -> None:
    """Whoever cannot be named for a panel cannot for one and the same reason: in reserve, recused, unknown."""
    world = year.world
    _, file = await year.accepted()
    panel = f"/v1/panels/{await year.panel(file)}"
    seated, barred, *_ = year.review.experts
    named = {"person_id": str(seated.id), "reason": "专业所需（示例）"}
    assert (await year.office.post(f"{panel}/assign", named)).status_code == 201
    await recuse(world, barred)
    told = {
        answer(await year.office.post(f"{panel}/assign", {**named, "person_id": str(person)}))
        for person in (seated.id, barred.id, (await world.person(Role.EXPERT)).id, uuid4())
    }
    assert len(told) == 1
    assert {status for status, _ in told} == {409}


@attack(26, sql("ALTER POLICY app_select ON projects USING (true)"), no_wall("appraisal_files"))
async def test_26_many_at_once(scene: Scene, sample: bytes) -> None:
    """An item of a batch is authorised as it is alone; nothing is included on request; and no row says whose the
    project is that it may not touch."""
    world, seat = scene.world, await scene.seat(scene.expert)
    await recuse(world, scene.second)
    for parameter in ("include", "expand", "fields", "embed", "ids"):
        refused = await scene.second.get("/v1/appraisal-files", params={parameter: str(seat.file)})
        assert refused.status_code == 422, parameter
    for item in (await scene.second.get("/v1/appraisal-files")).json()["items"]:
        assert item["id"] != str(seat.file)
    row = next(row for row in rows_of(sample) if row["region_code"] == REGION)
    ours, theirs = await world.machine(REGION), await world.machine(OTHER)
    await receipt(ours, [row])
    told = (await receipt(theirs, [{**row, "region_code": OTHER}, {**row, "external_id": "示例-2"}]))["rows"]
    assert [one["action"] for one in told] == ["rejected", "rejected"]
    assert {one["id"] for one in told} == {None}
    [project] = await world.rows("SELECT id FROM projects")
    assert str(project.id) not in str(told)
    assert (await theirs.get(f"/v1/projects/{project.id}")).status_code == 404


async def walled_from_nothing(*_: Any) -> bool:
    return False


@attack(48, no_wall("appraisal_files"), patched("app.evaluations.views.walled_from", walled_from_nothing))
async def test_48_what_may_be_done_says_what_is_there(year: Year) -> None:
    """Links and allowed actions are of what the viewer sees; the document is one for everybody."""
    path, file = await year.accepted()
    officer = await year.judge(Role.LEAGUE_OFFICE)
    assert (await officer.get(path)).json()["appraisal_file_id"] == file.rsplit("/", 1)[1]
    await recuse(year.world, officer)
    shown = (await officer.get(path)).json()
    assert shown["appraisal_file_id"] is None
    assert {action["reason"] for action in shown["allowed_actions"] if action["action"] in {"accept", "return"}} == {
        "recused"
    }
    assert [item["appraisal_file_id"] for item in (await officer.get("/v1/evaluations")).json()["items"]] == [None]
    documents = {(await actor.get("/openapi.json")).content for actor in (officer, year.office, year.editor)}
    assert len(documents) == 1
