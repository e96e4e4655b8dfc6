"""How far a recusal reaches: other processes, other years, other names; and who is recused before anybody asks."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.models.identity import Role
from app.models.reviews import Expert, ScoreSheet
from tests.cases.scene import make_selection
from tests.declarations.scene import Scene
from tests.declarations.test_reach import FACTS
from tests.evaluations.scene import APPRAISAL, CODES, Year, done, make_year
from tests.imports.pushing import receipt, rows_of
from tests.projects.library import proposed
from tests.scenarios.attack import NO_WALLS, attack, gate, no_wall, patched, sql
from tests.scenarios.scene import OTHER, REGION, items, knock, nowhere, order, recuse
from tests.scenarios.test_who_one_is import NUMBER, SAME_NUMBER_TWICE
from tests.world import World

THE_REGION_UNSEATS = sql(
    "CREATE FUNCTION gate.hasty() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS "
    "$$ BEGIN UPDATE recusals SET state = 'provisional' WHERE id = NEW.id; "
    "PERFORM gate.protect(NEW.person_id, now(), NEW.id); RETURN NULL; END $$",
    "ALTER FUNCTION gate.hasty() OWNER TO liangshan_engine",
    "CREATE TRIGGER hasty AFTER INSERT ON recusals FOR EACH ROW WHEN (NEW.initiator = 'detected') "
    "EXECUTE FUNCTION gate.hasty()",
)


@attack(12, patched("tests.world.SUBSCRIBERS", {}), THE_REGION_UNSEATS)
async def test_12_the_investor_changes_after_the_assignment(year: Year, sample: bytes) -> None:
    """What a region or its client pushes opens a decision and suspends nobody, or it could rid itself of a reviewer;
    and neither receipt nor state nor tag tells whether it hit one."""
    file = await year.drawn()
    seats = await year.seats(file)
    project = await proposed(year.world, year.editor)
    await done(year.office, project, "admit")
    sight = (await year.editor.get("/v1/evaluations")).content
    told = {}
    for which, investor in (("harmless", await year.world.organisation()), ("hit", year.review.employer)):
        etag = (await year.editor.get(project)).headers["etag"]
        changed = await year.editor.patch(project, {"organisation_id": str(investor), **FACTS}, etag=etag)
        told[which] = (changed.status_code, sorted(changed.json()))
        await year.world.drain()
    assert told["harmless"] == told["hit"]
    client = await year.world.machine(REGION)
    row = next(row for row in rows_of(sample) if row["region_code"] == REGION)
    assert (await receipt(client, [row]))["created"] == 1
    await year.world.drain()
    assert (await year.editor.get("/v1/evaluations")).content == sight
    assert {actor.id for actor, _ in await year.seats(file)} == {actor.id for actor, _ in seats}
    opened = await items(year.office, "/v1/recusals", state="pending")
    assert {one["person_id"] for one in opened} >= {str(actor.id) for actor, _ in seats}
    assert {one["initiator"] for one in opened} == {"detected"}
    for seat in seats:
        await year.score(seat, "80")
    await year.world.drain()
    refused = await year.committee.act(file, "appraise", APPRAISAL)
    assert (refused.status_code, refused.json()["reason"]) == (409, "application_pending")


WALLS_HANG_ON_NAMES = sql(
    "CREATE FUNCTION gate.renamed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS "
    "$$ BEGIN DELETE FROM walls WHERE person_id IN (SELECT person_id FROM recusals WHERE organisation_id = NEW.id); "
    "RETURN NULL; END $$",
    "CREATE TRIGGER renamed AFTER UPDATE OF name ON organisations FOR EACH ROW EXECUTE FUNCTION gate.renamed()",
)


@attack(13, WALLS_HANG_ON_NAMES, sql("ALTER TABLE recusals DROP CONSTRAINT fk_recusals_region_code"))
async def test_13_merged_renamed_or_numbered_anew(scene: Scene) -> None:
    """A recusal is from an id: no name, place or parent of the organisation counts. The code of a division that
    somebody is recused from is not changed under the recusal: a new code is a new division, and the old one stays."""
    world, person = scene.world, scene.second
    file = f"/v1/appraisal-files/{(await scene.seat(scene.expert)).file}"
    company = await world.organisation()
    await scene.project(company)
    await recuse(world, person, organisation_id=str(company))
    await recuse(world, person, region_code=OTHER)
    admin = await world.person(Role.SYSTEM_ADMIN)
    place = f"/v1/organisations/{company}"
    changed = {"name": "改制后的示例单位（示例）"}
    assert (await admin.patch(place, changed, etag=(await admin.get(place)).headers["etag"])).status_code == 200
    await scene.execute("UPDATE organisations SET region_code = '152522' WHERE id = :id", id=company)
    await scene.execute(
        "UPDATE regions SET name_zh = '并入后的示例市（示例）', name_en = 'Merged' WHERE code = '152501'"
    )
    assert await knock(person, file) == await nowhere(person, file)
    assert not await _numbered_anew(scene)
    assert await scene.walls(person) == {f"organisation:{company}", f"region:{REGION}", f"region:{OTHER}"}


async def _numbered_anew(scene: Scene) -> bool:
    try:
        await scene.execute("UPDATE regions SET code = '152599' WHERE code = '152502'")
    except IntegrityError:
        return False
    return True


EMPLOYER_DOES_NOT_MATTER = gate(
    "eligibility", ("capacity = 'reviewer' AND NOT EXISTS (SELECT FROM ties", "false AND NOT EXISTS (SELECT FROM ties")
)


@attack(41, EMPLOYER_DOES_NOT_MATTER)
async def test_41_a_missing_profile(year: Year) -> None:
    """Who has no known employer is in no conflict that anybody could see: so they are neither drawn nor named."""
    unknown = await year.world.person(Role.EXPERT)
    async with year.world.admin.administration() as session:
        session.add(Expert(person_id=unknown.id, specialties=[], active=True, term_ends_on=None))
    _, file = await year.accepted()
    panel = f"/v1/panels/{await year.panel(file)}"
    named = {"person_id": str(unknown.id), "reason": "专业所需（示例）"}
    refused = await year.office.post(f"{panel}/assign", named)
    assert (refused.status_code, refused.json()["reason"]) == (409, "ineligible")
    assert (await year.office.post(f"{panel}/draw")).status_code == 202
    await year.world.drain()
    [made] = await year.world.rows("SELECT excluded FROM draws")
    seated = await year.world.rows("SELECT 1 FROM assignments WHERE person_id = :p", p=unknown.id)
    assert seated == []
    assert made.excluded["unknown_employer"] == 1


@attack(43, NO_WALLS, no_wall("case_files", "panels"), no_wall("appraisal_files", "panels"))
async def test_43_another_process_of_the_same_county(world: World) -> None:
    """From a region, in everything: its cases, its plans, its projects, its evaluation."""
    selection = await make_selection(world)
    case, case_file = await selection.started()
    expert = selection.review.experts[0]
    scene = Scene(world, selection.office, selection.committee, selection.leader, expert, selection.editor)
    seat = await scene.seat(expert)
    project = await proposed(world, selection.editor)
    await recuse(world, selection.leader)
    for door in (case_file, f"/v1/appraisal-files/{seat.file}"):
        assert await knock(selection.leader, door) == await nowhere(selection.leader, door)
    await recuse(world, selection.office)
    for path, act, body in ((project, "admit", None), (case, "return", {"note": "示例", "remarks": []})):
        refused = await selection.office.post(f"{path}/{act}", body, etag='"1.0123456789abcdef"')
        assert (refused.status_code, refused.json()["code"]) == (403, "recused"), path


HISTORY_IS_OPEN = sql(
    "DROP POLICY wall_select ON appraisal_files",
    "CREATE POLICY wall_select ON appraisal_files AS RESTRICTIVE FOR SELECT TO liangshan_app USING "
    "(('region:' || region_code) NOT IN (SELECT unnest(gate.walls())) "
    "OR cycle_id IN (SELECT id FROM evaluation_cycles WHERE phase = 'published'))",
    "DROP POLICY wall_select ON panels",
)


@attack(44, HISTORY_IS_OPEN)
async def test_44_last_year_s_judgement(scene: Scene) -> None:
    """The wall is from the subject, whenever it was judged."""
    old = await scene.seat(scene.expert, appraised_by=scene.office.id)
    await scene.execute(
        "UPDATE evaluation_cycles SET assessment_year = 2020, submission_year = 2021, phase = 'published'"
    )
    await scene.execute("UPDATE appraisal_files SET state = 'published'")
    assert (await scene.second.get(f"/v1/appraisal-files/{old.file}")).status_code == 200
    await recuse(scene.world, scene.second)
    file = f"/v1/appraisal-files/{old.file}"
    assert await knock(scene.second, file) == await nowhere(scene.second, file)
    assert await items(scene.second, "/v1/appraisal-files") == []


async def by_author(session: AsyncSession, panel_id: UUID) -> list[dict[str, Decimal]]:
    """The sheets in an order that is one person's everywhere."""
    rows = await session.scalars(
        select(ScoreSheet.scores).where(ScoreSheet.panel_id == panel_id).order_by(ScoreSheet.person_id)
    )
    return [{code: Decimal(score) for code, score in scores.items()} for scores in rows]


@attack(
    45,
    patched("app.evaluations.jobs.counted_sheets", by_author)
    | patched("app.evaluations.files.rules.sorted", lambda rows, key: list(rows) if key else rows, new=True),
)
async def test_45_the_second_reviewer_everywhere(world: World) -> None:
    """No number, no seat and no order of the sheets is a reviewer's own: they are told by what they say, sorted."""
    year = await make_year(world, pool=3)
    people = sorted(expert.id for expert in year.review.experts)
    told = []
    for region, scores in ((REGION, ("70", "80", "90")), (OTHER, ("90", "80", "70"))):
        file = await year.drawn(region)
        for seat in await year.seats(file):
            await year.score(seat, scores[people.index(seat[0].id)])
        await world.drain()
        await done(year.committee, file, "appraise", APPRAISAL)
        await year.grade(file)
        told.append((await year.office.get(f"{file}/explanation")).json()["sheets"])
    for sheets in told:
        assert [sheet["scores"] for sheet in sheets] == [dict.fromkeys(CODES, score) for score in ("70", "80", "90")]
        assert [set(sheet) for sheet in sheets] == [{"scores", "worth"}] * 3


SAME_NAME = "SELECT o.id FROM public.people AS o JOIN public.people AS me USING (name) WHERE me.id = gate.principal()"
A_WALL_BY_NAME = gate("walls", ("person_id = gate.principal()", f"person_id IN ({SAME_NAME})"))


@attack(47, SAME_NUMBER_TWICE, A_WALL_BY_NAME)
async def test_47_one_name_in_three_scripts(scene: Scene) -> None:
    """A person is who the identity number says, however it is typed; a name bars nobody and frees nobody."""
    world = scene.world
    file = f"/v1/appraisal-files/{(await scene.seat(scene.expert)).file}"
    security = await world.person(Role.SECURITY_ADMIN)
    first, *variants = [await world.person(name=name) for name in ("巴雅尔（示例）", "Bayar（示例）", "ᠪᠠᠶᠠᠷ（示例）")]
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in NUMBER)
    assert (
        await security.client.post(f"/v1/people/{first.id}/identity-key", json={"identity_number": NUMBER})
    ).status_code == 201
    for person, typed in zip(variants, (wide, f" {NUMBER[:6]} {NUMBER[6:]} "), strict=True):
        same = await security.client.post(f"/v1/people/{person.id}/identity-key", json={"identity_number": typed})
        assert same.status_code == 409, typed
    barred = await world.person(Role.LEAGUE_OFFICE, name="巴雅尔（示例）")
    namesake = await world.person(Role.LEAGUE_OFFICE, name="巴雅尔（示例）")
    await order(scene.office, barred)
    await world.renew(barred)
    assert [(await actor.get(file)).status_code for actor in (barred, namesake)] == [404, 200]
