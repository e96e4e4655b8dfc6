"""What outlives a moment: exports, files, feeds, tags, caches, copies of tables, the audit."""

from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.edge import _SECURITY_HEADERS
from app.models.identity import Role
from tests.evaluations.scene import APPRAISAL, SECRET, Year, done
from tests.evaluations.test_evidence import content, seated
from tests.scenarios.attack import NO_WALLS, attack, gate, no_wall, patched, sql
from tests.scenarios.scene import REGION, decide, items, knock, nowhere, order, recuse
from tests.scenarios.test_late import NOTHING_MOVES
from tests.scenarios.test_who_one_is import TOKENS_LIVE_ON


@attack(27, no_wall("appraisal_files", "panels", "result_versions", "disclosed_explanations"))
async def test_27_what_is_given_out_as_a_whole(year: Year) -> None:
    """What is published is everybody's, the same bytes for the recused (it stands in the newspaper). What is told to
    the parties beside it is not: the explanation stays walled, and the region's staff have theirs."""
    file = await year.approved()
    await year.close()
    [publication] = await year.publish()
    await recuse(year.world, year.committee)
    place = f"/v1/publications/{publication['id']}/content"
    published = [(await actor.get(place)).content for actor in (year.committee, year.office, year.editor)]
    assert len(set(published)) == 1
    assert SECRET.encode() not in published[0]
    assert (await year.editor.get(f"{file}/explanation")).status_code == 200
    assert await knock(year.committee, f"{file}/explanation") == await nowhere(year.committee, f"{file}/explanation")


@attack(28, TOKENS_LIVE_ON, NOTHING_MOVES | NO_WALLS)
async def test_28_a_file_kept_open_beyond_the_recusal(year: Year) -> None:
    """A file's address opens nothing by itself: each download asks who it is, and what they sit on now."""
    [(expert, seat), *_], file, _ = await seated(year)
    await year.review.opened(expert, seat)
    address = content(seat, file)
    assert (await expert.get(address)).status_code == 200
    assert (await expert.client.get(address, headers={"Authorization": ""})).status_code == 401
    await order(year.office, expert)
    assert (await expert.get(address)).status_code == 401
    await year.world.renew(expert)
    assert (await expert.get(address)).status_code in {403, 404}
    tagged = await expert.client.get(address, headers={"If-None-Match": "*"})
    assert tagged.status_code in {403, 404}


async def shouting(session: AsyncSession, action: str, about: Resource, **more: Any) -> None:
    """An event that says what was scored."""
    await record(session, action, about, **more)
    await record(session, f"{action}:{SECRET}", about)


@attack(29, patched("app.reviews.sheets.service.record", shouting), no_wall("appraisal_files", "panels"))
async def test_29_feeds_and_notices(year: Year) -> None:
    """Events are thin: a kind and an id. What waits for somebody is looked up when they ask, not when it arose, and an
    invitation says no more than that there is one."""
    file = await year.drawn()
    seats = await year.seats(file)
    [invitation] = await items(seats[0][0], "/v1/tasks", kind="answer_invitation")
    assert (invitation["region_code"], REGION in str(invitation)) == (None, False)
    for seat, score in zip(seats, ("80", SECRET, "92.5"), strict=True):
        await year.score(seat, score)
    await year.world.drain()
    events = await year.world.rows("SELECT to_jsonb(e) AS event FROM outbox_events AS e")
    assert not [row.event for row in events if SECRET in str(row.event)]
    assert [item["resource"] for item in await items(year.committee, "/v1/tasks", kind="appraise_file")] == [file]
    await recuse(year.world, year.committee)
    assert [item for item in await items(year.committee, "/v1/tasks") if item["region_code"] == REGION] == []


JUDGEMENT_TOUCHES_THE_DOSSIER = sql(
    "CREATE FUNCTION gate.touch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS "
    "$$ BEGIN UPDATE evaluations SET version = version + 1 WHERE id = NEW.evaluation_id; RETURN NULL; END $$",
    "CREATE TRIGGER touch AFTER UPDATE ON appraisal_files FOR EACH ROW EXECUTE FUNCTION gate.touch()",
)


@attack(30, JUDGEMENT_TOUCHES_THE_DOSSIER)
async def test_30_tags_and_times_that_move(year: Year) -> None:
    """No act of judgement moves a tag, a version or a time of the dossier: for the region, for who is walled."""
    path, file = await year.accepted()
    officer = await year.judge(Role.LEAGUE_OFFICE)
    await recuse(year.world, officer)
    watchers = (year.editor, officer)
    told = [(await actor.get(path)).headers["etag"] for actor in watchers]
    lists = [(await actor.get("/v1/evaluations")).content for actor in watchers]
    assert (await year.office.post(f"/v1/panels/{await year.panel(file)}/draw")).status_code == 202
    await year.world.drain()
    for seat, score in zip(await year.seats(file), ("80", "85", "90"), strict=True):
        await year.score(seat, score)
    await year.world.drain()
    await done(year.committee, file, "appraise", APPRAISAL)
    await year.grade(file)
    assert (await year.row(file)).version > 1
    assert [(await actor.get(path)).headers["etag"] for actor in watchers] == told
    assert [(await actor.get("/v1/evaluations")).content for actor in watchers] == lists
    unchanged = await officer.client.get(path, headers={"If-None-Match": told[1]})
    assert unchanged.status_code == 304


CACHED = patched("app.core.edge._SECURITY_HEADERS", {**_SECURITY_HEADERS, "Cache-Control": "public, max-age=60"})
SHARED = patched("app.core.edge._SECURITY_HEADERS", {k: v for k, v in _SECURITY_HEADERS.items() if k != "Vary"})


@attack(31, CACHED, SHARED)
async def test_31_shared_caches(year: Year) -> None:
    """No answer that depends on who asks rests anywhere: found, unchanged, hidden, refused."""
    file = await year.reviewed()
    [(expert, seat), *_] = await year.seats(file)
    tag = (await year.office.get(file)).headers["etag"]
    answers = [
        await year.office.get(file),
        await year.office.client.get(file, headers={"If-None-Match": tag}),
        await expert.get(f"{seat}/dossier"),
        await expert.get(file),
        await year.editor.get("/v1/evaluations"),
        await year.office.client.get(file, headers={"Authorization": "Bearer gone"}),
    ]
    assert [one.status_code for one in answers] == [200, 304, 200, 403, 200, 401]
    for one in answers:
        assert one.headers["cache-control"] == "private, no-store"
        assert "authorization" in one.headers.get("vary", "").lower()


A_COPY_OF_THE_WALLS = sql(
    "CREATE MATERIALIZED VIEW gate.walls_copy AS SELECT person_id, subject FROM walls",
    "GRANT SELECT ON gate.walls_copy TO liangshan_engine",
) | gate("walls", ("public.walls", "gate.walls_copy"))
# Not read by anything yet: made by an owner whom no policy filters.
A_COPY_OF_THE_FILES = sql(
    "CREATE MATERIALIZED VIEW file_copies AS SELECT * FROM appraisal_files",
    "GRANT SELECT ON file_copies TO liangshan_app",
)


@attack(32, A_COPY_OF_THE_WALLS, A_COPY_OF_THE_FILES)
async def test_32_copies_that_lag_behind(year: Year) -> None:
    """The wall is read where it is written: the first request after the acknowledgement meets it. Requests can read no
    copy, and no view that looks with its owner's eyes."""
    file = await year.reviewed()
    await order(year.office, year.committee)
    await year.world.renew(year.committee)
    assert await knock(year.committee, file) == await nowhere(year.committee, file)
    copies = await year.world.rows(
        "SELECT relname FROM pg_class WHERE relkind IN ('m', 'v')"
        " AND has_table_privilege('liangshan_app', oid, 'SELECT')"
        " AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')"
        " AND NOT coalesce(reloptions @> '{security_invoker=true}', false)"
    )
    assert copies == []


async def telling(session: AsyncSession, action: str, about: Resource, **more: Any) -> None:
    await record(session, action, about, **{**more, "changes": {"score": APPRAISAL["score"]}})


@attack(33, no_wall("audit_entries"), patched("app.evaluations.files.service.record", telling))
async def test_33_the_audit(year: Year) -> None:
    """An auditor reads who did what, by hashes; a recused one reads nothing of the subject; and everybody else their
    own acts."""
    file = await year.appraised()
    auditor = await year.world.person(Role.AUDITOR)
    found = await items(auditor, "/v1/audit-entries", action="appraisal_files.appraise")
    assert [set(entry["changes"]) for entry in found] == [{"appraisal_sha256"}]
    await decide(year.leader, await order(year.office, auditor))
    await year.world.renew(auditor)
    for about in ({"action": "appraisal_files.appraise"}, {"resource_id": file.rsplit("/", 1)[1]}):
        assert await items(auditor, "/v1/audit-entries", **about) == []
    assert [e for e in await items(auditor, "/v1/audit-entries", limit=200) if e["region_code"] == REGION] == []
    for actor in (year.office, year.editor):
        assert (await actor.get("/v1/audit-entries")).status_code == 403
        assert {entry["actor_id"] for entry in await items(actor, "/v1/me/acts")} == {str(actor.id)}
