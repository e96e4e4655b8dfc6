"""What meets at the same moment: whichever wins, nothing rests on who is recused."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from app.core.db import Entry
from app.models.identity import Role
from tests.evaluations.scene import APPRAISAL, OTHER, REGION, Year, done, make_year
from tests.reviews.scene import order_recusal
from tests.world import World

ROUNDS = 10


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


async def worths(year: Year, file: str) -> list[str]:
    """Of the sheets that count now."""
    rows = await year.world.rows(
        "SELECT s.scores FROM score_sheets AS s JOIN assignments AS a ON a.id = s.assignment_id"
        " WHERE s.panel_id = :panel AND s.state = 'submitted' AND a.state = 'done' AND NOT a.is_reserve",
        panel=await year.panel(file),
    )
    return sorted(str(float(row.scores["innovation"])) for row in rows)


async def assert_whole(year: Year, file: str) -> None:
    """A result that stands rests on the sheets that count, on all of them and on no other."""
    row = await year.row(file)
    if row.state in {"graded", "approved", "published"} and not row.stale:
        result = (await year.results(file))[-1]
        told = sorted(str(float(sheet["worth"])) for sheet in result.explanation["sheets"])
        assert told == await worths(year, file)


async def test_grade_against_recusal(world: World) -> None:
    # Nobody in reserve: what was suspended resumes, and the panel is whole again.
    year = await make_year(world, pool=3)
    file = await year.appraised()
    [(expert, _), *_] = await year.seats(file)
    outcomes: Counter[Any] = Counter()
    for _turn in range(ROUNDS):
        asked = await year.office.act(file, "grade")
        assert asked.status_code == 202, asked.text
        recusal, _ = await asyncio.gather(order_recusal(year.review, year.leader, expert), year.world.drain())
        await assert_whole(year, file)
        outcomes[(await year.row(file)).state] += 1
        await year.world.drain()
        await assert_whole(year, file)
        # Its sheet is sealed, and the result is not one that it went into.
        assert len(await worths(year, file)) == 2
        assert (await year.row(file)).state == "appraised"
        decision = {"outcome": "rejected", "reason": "所述情形不属于回避事由（示例）"}
        await done(year.committee, f"/v1/recusals/{recusal['id']}", "decide", decision)
        await assert_whole(year, file)
        await year.world.drain()
        await assert_whole(year, file)
        assert len(await worths(year, file)) == 3
        # Back to before the grade, for the next round.
        async with year.world.admin.administration() as session:
            await session.execute(text("DELETE FROM result_versions"))
            await session.execute(text("UPDATE appraisal_files SET state = 'appraised', latest_result = NULL"))
    assert sum(outcomes.values()) == ROUNDS


async def test_appraisal_against_own_recusal(world: World) -> None:
    """The appraiser's lock is either before the recusal, and the appraisal is void, or after it, and there is none."""
    year = await make_year(world)
    file = await year.reviewed()
    for _turn in range(6):
        judge = await year.judge(Role.LEAGUE_COMMITTEE)
        etag = (await judge.get(file)).headers["etag"]
        body = {"initiator": "self", "region_code": REGION, "relation_code": "kinship", "statement": "亲属任职（示例）"}
        appraised, recused = await asyncio.gather(
            judge.post(f"{file}/appraise", APPRAISAL, etag=etag), judge.post("/v1/recusals", body)
        )
        assert recused.status_code == 201, recused.text
        assert appraised.status_code in {200, 401, 404}, appraised.text
        row = await year.row(file)
        assert (row.state, row.appraised_by) == ("under_review", None)
        await year.world.drain()
        assert (await year.row(file)).stale is False


async def test_two_appraise_at_once_and_one_counts(year: Year) -> None:
    file = await year.reviewed()
    answers = await asyncio.gather(
        *(actor.act(file, "appraise", APPRAISAL) for actor in (year.committee, year.leader, year.office))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    acts = await year.world.rows("SELECT 1 FROM audit_entries WHERE action = 'appraisal_files.appraise'")
    assert len(acts) == 1


async def test_two_accept_at_once_and_one_panel_is_opened(year: Year) -> None:
    path = await year.sent()
    other = await year.judge(Role.LEAGUE_OFFICE)
    answers = await asyncio.gather(year.office.act(path, "accept"), other.act(path, "accept"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    for table in ("panels", "appraisal_files", "evaluation_decisions", "review_copies"):
        assert len(await year.world.rows(f"SELECT 1 FROM {table}")) == 1  # noqa: S608


async def test_publish_against_recusal(year: Year) -> None:
    """Either nothing is published, or what is published is marked under correction."""
    file = await year.approved()
    [(expert, _), *_] = await year.seats(file)
    await year.close()
    assert (await year.office.act(year.cycle, "publish")).status_code == 202
    await asyncio.gather(order_recusal(year.review, year.leader, expert), year.world.drain())
    await year.world.drain()
    row = await year.row(file)
    published = len(await year.world.rows("SELECT 1 FROM publications"))
    assert (published, row.state, row.under_correction) in {(1, "published", True), (0, "appraised", False)}


async def test_an_application_is_seen_by_what_is_published_after_it(year: Year) -> None:
    """Acknowledged while the publication is on its way: either the publication had begun, and the application waits for
    its end, or it is there to be seen. Here its transaction is open when the worker comes."""
    world = year.world
    await year.approved()
    await year.close()
    applicant = await world.person((Role.REGION_EDITOR, OTHER))
    asked = await year.office.act(year.cycle, "publish")
    assert asked.status_code == 202
    database = world.api.state.database
    async with database.transaction(Entry("person", applicant.id)) as session:
        taken = await session.scalar(
            text(
                "SELECT gate.recuse(gen_random_uuid(), :person, 'informant', :region, NULL, NULL, NULL, 'kinship', "
                "'情况说明（示例）', now())"
            ),
            {"person": year.leader.id, "region": REGION},
        )
        assert taken == "taken"
        publishing = asyncio.create_task(world.drain())
        await asyncio.sleep(0.5)
        assert not publishing.done()
    await publishing
    assert await world.rows("SELECT 1 FROM publications") == []
    assert (await year.office.get(year.cycle)).json()["phase"] == "closed"
