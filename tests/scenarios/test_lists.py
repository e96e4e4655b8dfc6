"""Aggregates, ranks, totals, filters: what the numbers over a list say of the row that is not in it."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import text

from app.core import pagination
from app.core.pagination import Order, Pages
from app.evaluations import jobs
from app.models.evaluations import AppraisalFile
from app.models.identity import Role
from tests.declarations.scene import Scene
from tests.evaluations.scene import Year
from tests.scenarios.attack import NO_WALLS, attack, document, no_wall, patched, sql
from tests.scenarios.scene import OTHER, REGION, answer, items, page, recuse

FILES = "/v1/appraisal-files"
LISTS = (FILES, "/v1/assignments", "/v1/case-files", "/v1/recusals", "/v1/tasks", "/v1/experts")


@attack(15, NO_WALLS, no_wall("appraisal_files"), no_wall("assignments", "panels"))
async def test_15_the_row_for_the_hidden_target(scene: Scene) -> None:
    """The row is absent, not empty, and a reviewer whose only seat is hidden is not listed with a zero."""
    await scene.seat(scene.expert)
    other = await scene.seat(await scene.world.person(Role.EXPERT), region=OTHER)
    officer = await scene.world.person(Role.LEAGUE_OFFICE)
    await recuse(scene.world, officer)
    assert [item["id"] for item in await items(officer, FILES)] == [str(other.file)]
    assert [item["id"] for item in await items(officer, "/v1/assignments")] == [str(other.assignment)]
    for path in LISTS:
        answered = await officer.get(path)
        assert str(scene.expert.id) not in answered.text, path


RUNNING = sql("ALTER POLICY app_select ON score_sheets USING (person_id = gate.principal() OR gate.handles())")


@attack(16, RUNNING)
async def test_16_the_average_before_and_after(year: Year) -> None:
    """No average runs: no sheet is read before all are in, no result stands while one is missing, and what a
    recusal took away is not left beside what replaced it."""
    file = await year.drawn()
    seats = await year.seats(file)
    before = (await year.editor.get("/v1/evaluations")).content
    for seat, score in zip(seats[:2], ("80", "90"), strict=True):
        await year.score(seat, score)
        await year.world.drain()
        assert (await year.office.get(f"{seat[1]}/score-sheet")).status_code == 404
        assert (await year.office.get(file)).json()["result"] is None
    await year.score(seats[2], "100")
    await year.world.drain()
    assert (await year.office.get(f"{seats[0][1]}/score-sheet")).json()["scores"]["innovation"] == "80"
    await recuse(year.world, seats[0][0])
    await year.world.drain()
    assert (await year.office.get(f"{seats[0][1]}/score-sheet")).status_code == 404
    assert (await year.editor.get("/v1/evaluations")).content == before


_of_page = Pages.of


async def over_all(self: Pages, session: Any, statement: Any, params: Any, order: Order) -> pagination.Rows:
    """A page whose total is counted for nobody in particular: the sum, minus what one sees, is what one does not."""
    me = await session.scalar(text("SELECT current_setting('liangshan.principal')"))
    put = text("SELECT set_config('liangshan.principal', :who, true)")
    await session.execute(put, {"who": str(uuid4())})
    whole = await _of_page(self, session, statement, params, order)
    await session.execute(put, {"who": me})
    session.expunge_all()
    seen = await _of_page(self, session, statement, params, order)
    return pagination.Rows(seen.rows, seen.next_cursor, whole.total)


@attack(17, patched("app.core.pagination.Pages.of", over_all))
async def test_17_the_total_minus_the_parts(scene: Scene) -> None:
    """A total is of the rows that its viewer sees, whatever it is split by."""
    await scene.seat(scene.expert)
    await scene.seat(await scene.world.person(Role.EXPERT), region=OTHER)
    officer = await scene.world.person(Role.LEAGUE_OFFICE)
    await recuse(scene.world, officer)
    assert (await page(scene.inspector, FILES))["total"] == 2
    for path in LISTS[:4]:
        found = await page(officer, path)
        assert found["total"] == len(found["items"]), path
    by_state = [(await page(officer, FILES, state=state))["total"] for state in ("under_review", "graded")]
    by_region = [(await page(officer, FILES, region_code=region))["total"] for region in (REGION, OTHER)]
    assert (sum(by_state), by_region) == (1, [0, 1])


BY_SCORE = Order((AppraisalFile.appraisal_score.expression, AppraisalFile.id.expression), descending=True)
_document = jobs._document


def ranked(*stated: Any) -> Mapping[str, Any]:
    """Places beside the grades."""
    told: dict[str, Any] = _document(*stated)
    return {**told, "regions": [{**one, "rank": place} for place, one in enumerate(told["regions"], start=1)]}


@attack(
    18, patched("app.evaluations.files.repository.ORDER", BY_SCORE), patched("app.evaluations.jobs._document", ranked)
)
async def test_18_gaps_in_a_rank(year: Year) -> None:
    """There is none to have gaps: files are listed by region, whatever they were given, and a publication names
    grades, by region."""
    second = await year.appraised(OTHER)
    first = await year.appraised(REGION)
    async with year.world.admin.administration() as session:
        await session.execute(text("UPDATE appraisal_files SET appraisal_score = 99 WHERE region_code = '152502'"))
    listed = await items(year.office, FILES)
    assert [f"{FILES}/{item['id']}" for item in listed] == [first, second]
    for file in (first, second):
        await year.grade(file)
        assert (await year.leader.act(file, "approve")).status_code == 200
    await year.close()
    [publication] = await year.publish()
    told = (await year.office.get(f"/v1/publications/{publication['id']}/content")).json()
    assert [set(one) for one in told["regions"]] == [{"region_code", "region_name", "grade", "grade_name"}] * 2
    assert [one["region_code"] for one in told["regions"]] == [REGION, OTHER]


def for_anybody(_self: Pages, _params: Any, _payload: bytes) -> bytes:
    """A cursor that is bound to nobody and nothing."""
    return bytes(16)


@attack(19, patched("app.core.pagination.Pages._signature", for_anybody), no_wall("appraisal_files"))
async def test_19_totals_pages_and_cursors(scene: Scene) -> None:
    """List and count ask the same question; a cursor is good for its viewer, its list and its filters alone."""
    await scene.seat(scene.expert)
    for region in (OTHER, "152522"):
        await scene.seat(await scene.world.person(Role.EXPERT), region=region)
    cursor = (await page(scene.inspector, FILES, limit=1))["next_cursor"]
    await recuse(scene.world, scene.second)
    for actor, path, params in (
        (scene.second, FILES, {}),
        (scene.inspector, FILES, {"state": "graded"}),
        (scene.inspector, "/v1/evaluations", {}),
    ):
        refused = await actor.get(path, params={"limit": 1, "cursor": cursor, **params})
        assert refused.status_code == 422, (path, params)
        assert refused.json()["errors"][0]["code"] == "invalid_cursor", (path, params)
    seen, cursor = [], None
    while True:
        found = await page(scene.second, FILES, limit=1, **({"cursor": cursor} if cursor else {}))
        assert found["total"] == 2
        seen += [item["region_code"] for item in found["items"]]
        if (cursor := found["next_cursor"]) is None:
            break
    assert seen == [OTHER, "152522"]


@attack(20, no_wall("appraisal_files"))
async def test_20_sorting_and_filtering_by_what_is_hidden(scene: Scene) -> None:
    """Filters narrow what is visible; by a column that nobody may sort or filter by, everybody is refused alike."""
    seat = await scene.seat(scene.expert, appraised_by=scene.office.id)
    await recuse(scene.world, scene.second)
    nobody = await scene.world.person(Role.LEAGUE_COMMITTEE)
    for column in ("total", "grade", "appraisal_score", "appraised_by", "result"):
        for params in ({column: "90"}, {"sort": column}, {"sort": f"-{column}"}):
            told = {answer(await actor.get(FILES, params=params)) for actor in (scene.second, nobody)}
            assert [status for status, _ in told] == [422], params
    for params in ({"region_code": REGION}, {"state": "appraised"}, {"stale": "false"}):
        listed = await scene.second.get(FILES, params=params)
        assert str(seat.file) not in listed.text, params
        assert listed.json()["items"] == [], params


@attack(21, no_wall("recusals"), no_wall("assignments", "panels"))
async def test_21_a_search_that_finds_one_person(scene: Scene) -> None:
    """Naming somebody in a filter finds what is visible of them: for who is walled as much as of nobody."""
    seat = await scene.seat(scene.expert)
    await scene.applied(scene.expert, scene.editor, region_code=REGION)
    officer, colleague = await scene.world.person(Role.LEAGUE_OFFICE), scene.office
    await recuse(scene.world, officer)
    for path, known, unknown in (
        ("/v1/recusals", {"person_id": str(scene.expert.id)}, {"person_id": str(uuid4())}),
        ("/v1/recusals", {"region_code": REGION}, {"region_code": "999999"}),
        ("/v1/assignments", {"panel_id": str(seat.panel)}, {"panel_id": str(uuid4())}),
    ):
        assert await page(colleague, path, **known) != await page(colleague, path, **unknown)
        found, nothing = [await officer.get(path, params=params) for params in (known, unknown)]
        assert answer(found) == answer(nothing), (path, known)


def with_facets(openapi: dict[str, Any]) -> None:
    openapi["paths"]["/v1/appraisal-files/facets"] = {"get": {"responses": {}}}


@attack(22, document(with_facets), no_wall("appraisal_files", "panels"))
async def test_22_facets_and_suggestions(year: Year) -> None:
    """There are none to count along with; what waits for somebody is counted from what they see."""
    told = (await year.office.get("/openapi.json")).json()
    counting = {"facets", "suggest", "suggestions", "autocomplete", "tags", "search"}
    for path in told["paths"]:
        assert not counting & set(path.split("/")), path
    file = await year.reviewed()
    waiting = await items(year.committee, "/v1/tasks", kind="appraise_file")
    assert [item["resource"] for item in waiting] == [file]
    await recuse(year.world, year.committee)
    after = await page(year.committee, "/v1/tasks")
    assert [item for item in after["items"] if item["region_code"] == REGION] == []
    assert after["total"] == len(after["items"])
