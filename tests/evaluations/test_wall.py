"""Who meets the judgement: the unwalled side of the league, and nobody else before it is published (Art. 11)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from httpx import AsyncClient, Response

from app.models.identity import Role
from tests.evaluations.scene import APPRAISAL, OTHER, REGION, REMARK, SECRET, Year, done, make_year, scrubbed
from tests.world import Actor, World

TABLES = ("appraisal_files", "result_versions", "disclosed_explanations")


@pytest.fixture
async def year(world: World) -> Year:
    return await make_year(world)


def same(one: Response, other: Response) -> bool:
    """Status, headers and body, but for what names the request itself."""

    def bare(answer: Response) -> Any:
        headers = {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date"}}
        return answer.status_code, headers, scrubbed(answer)

    return bool(bare(one) == bare(other))


async def assert_absent(actor: Actor, file: str, panel: UUID) -> None:
    """Every road to the judgement answers as if it did not exist."""
    absent = f"/v1/appraisal-files/{uuid4()}"
    for tail in ("", "/explanation"):
        hidden = await actor.get(file + tail)
        assert same(hidden, await actor.get(absent + tail)), (tail, hidden.text)
        assert hidden.status_code in {403, 404}
    for action, body in (("appraise", APPRAISAL), ("appraise", {"nonsense": 1}), ("grade", None), ("approve", None)):
        for etag in (None, '"1.0123456789abcdef"', '"7.0123456789abcdef"'):
            hidden = await actor.post(f"{file}/{action}", body, etag=etag)
            assert same(hidden, await actor.post(f"{absent}/{action}", body, etag=etag)), (action, hidden.text)
            assert hidden.status_code in {403, 404}
    listed = await actor.get("/v1/appraisal-files?include_total=true")
    assert listed.status_code == 403 or (listed.json()["items"], listed.json()["total"]) == ([], 0)
    assert same(await actor.get(f"/v1/panels/{panel}"), await actor.get(f"/v1/panels/{uuid4()}"))


@pytest.mark.parametrize("role", [Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE, Role.DISCIPLINE_INSPECTOR])
async def test_who_is_recused_reads_the_dossier_and_nothing_of_the_judgement(year: Year, role: Role) -> None:
    path, file = await year.accepted()
    panel = await year.panel(file)
    judge = await year.judge(role)
    shown = await judge.get(path)
    assert shown.json()["appraisal_file_id"] == file.rsplit("/", 1)[1]
    assert (await judge.get(file)).status_code == 200
    await year.world.wall(judge, f"region:{REGION}")
    await assert_absent(judge, file, panel)
    walled = await judge.get(path)
    assert (walled.status_code, walled.json()["appraisal_file_id"]) == (200, None)
    assert (await judge.get(f"{path}/items")).status_code == 200
    # The other regions' judgement is still theirs.
    _, other = await year.accepted(OTHER)
    assert (await judge.get(other)).status_code == 200
    assert [f["region_code"] for f in (await judge.get("/v1/appraisal-files")).json()["items"]] == [OTHER]


@pytest.mark.parametrize(("action", "body"), [("accept", None), ("return", {"remarks": []})])
async def test_who_is_recused_handles_no_dossier_either(year: Year, action: str, body: Any) -> None:
    path = await year.sent()
    walled = await year.judge(Role.LEAGUE_OFFICE)
    await year.world.wall(walled, f"region:{REGION}")
    refused = await walled.act(path, action, body)
    assert (refused.status_code, refused.json()["code"]) == (403, "recused")
    reasons = {a["action"]: a["reason"] for a in (await walled.get(path)).json()["allowed_actions"]}
    assert (reasons["accept"], reasons["return"]) == ("recused", "recused")
    [denied] = await year.world.rows("SELECT actor_id FROM audit_entries WHERE outcome = 'denied'")
    assert denied.actor_id == walled.id
    assert (await year.world.rows("SELECT 1 FROM evaluation_decisions")) == []
    assert (await year.office.get(path)).json()["state"] == "submitted"


async def test_nobody_else_gets_anything_before_it_is_published(year: Year) -> None:
    file = await year.approved()
    panel = await year.panel(file)
    people: list[Any] = [
        Role.SYSTEM_ADMIN,
        Role.SECURITY_ADMIN,
        Role.AUDITOR,
        Role.EXPERT,
        (Role.REGION_EDITOR, REGION),
        (Role.REGION_APPROVER, REGION),
        (Role.REGION_EDITOR, OTHER),
        (
            Role.LEAGUE_DEPARTMENT,
            await year.world.organisation(region_code="152500", charge_modes=["ecological_tourism"]),
        ),
        (Role.CONSTRUCTION_ENTITY, await year.world.organisation()),
    ]
    for role in people:
        await assert_absent(await year.world.person(role), file, panel)
    await assert_absent(await year.world.machine(REGION), file, panel)
    inside = await year.world.person(Role.LEAGUE_OFFICE, (Role.REGION_APPROVER, REGION))
    await assert_absent_but_panel(inside, file)
    canaries = (SECRET, "87.7017", APPRAISAL["reason"])
    for role in people:
        actor = await year.world.person(role)
        for place in PLACES:
            answer = await actor.get(place)
            assert not any(canary in answer.text for canary in canaries), (role, place)
    # Or the walk would prove nothing.
    told = (await year.office.get(file)).text + (await year.office.get(f"{file}/explanation")).text
    assert all(canary in told for canary in canaries)


PLACES = (
    "/v1/evaluations",
    "/v1/appraisal-files",
    "/v1/evaluation-cycles",
    "/v1/publications",
    "/v1/audit-entries",
    "/v1/me/acts",
    "/v1/tasks",
    "/v1/assignments",
)


async def assert_absent_but_panel(actor: Actor, file: str) -> None:
    for tail in ("", "/explanation"):
        assert same(await actor.get(file + tail), await actor.get(f"/v1/appraisal-files/{uuid4()}{tail}"))
    assert (await actor.get("/v1/appraisal-files")).json()["items"] == []


async def test_what_is_published_is_everybodys_the_recused_too(year: Year, http: AsyncClient) -> None:
    file = await year.approved()
    panel = await year.panel(file)
    await year.close()
    [publication] = await year.publish()
    place = f"/v1/publications/{publication['id']}"
    bytes_ = (await http.get(f"{place}/content")).content
    walled = await year.judge(Role.LEAGUE_COMMITTEE)
    await year.world.wall(walled, f"region:{REGION}")
    readers = [walled, year.review.experts[0], year.editor, await year.world.machine(OTHER)]
    readers += [await year.world.person(role) for role in (Role.AUDITOR, Role.SYSTEM_ADMIN)]
    for reader in readers:
        assert (await reader.get(place)).json() == publication
        assert (await reader.get(f"{place}/content")).content == bytes_
    # Of the judgement itself the recused still get nothing, nor what the region was told.
    await assert_absent(walled, file, panel)
    at_home = await year.world.person(Role.LEAGUE_COMMITTEE, (Role.REGION_EDITOR, REGION))
    assert (await at_home.get(f"{file}/explanation")).status_code == 200
    await year.world.wall(at_home, f"region:{REGION}")
    assert (await at_home.get(f"{file}/explanation")).status_code == 404


async def test_a_recusal_ends_the_sight_of_it_at_once(year: Year) -> None:
    file = await year.graded()
    panel = await year.panel(file)
    assert (await year.leader.get(f"{file}/explanation")).status_code == 200
    body = {"initiator": "self", "region_code": REGION, "relation_code": "kinship", "statement": "亲属在该地区任职"}
    assert (await year.leader.post("/v1/recusals", body)).status_code == 201
    assert (await year.leader.get(file)).status_code == 401
    await year.world.renew(year.leader)
    await assert_absent(year.leader, file, panel)
    path = (await year.leader.get("/v1/evaluations")).json()["items"][0]["id"]
    assert (await year.leader.get(f"/v1/evaluations/{path}")).json()["appraisal_file_id"] is None


async def test_a_repeated_key_shows_nothing_that_a_recusal_has_taken(year: Year) -> None:
    file = await year.reviewed()
    etag = (await year.committee.get(file)).headers["etag"]
    done_once = await year.committee.post(f"{file}/appraise", APPRAISAL, etag=etag, key="once")
    assert done_once.status_code == 200
    await year.world.wall(year.committee, f"region:{REGION}")
    replayed = await year.committee.post(f"{file}/appraise", APPRAISAL, etag=etag, key="once")
    assert (replayed.status_code, replayed.json()["code"]) == (404, "not_found")


# The same, in SQL as the requests' role: what holds when no code of ours is in the way.


@asynccontextmanager
async def entered(connection: asyncpg.Connection, kind: str, who: UUID | None) -> AsyncIterator[None]:
    async with connection.transaction():
        await connection.fetch("SELECT * FROM gate.enter($1, $2, '{}')", kind, who)
        yield


async def seen(connection: asyncpg.Connection) -> dict[str, int]:
    counts = {table: await connection.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608
    return {table: count for table, count in counts.items() if count}


async def test_policies_show_rows_to_the_unwalled_league_only(year: Year, app_role: asyncpg.Connection) -> None:
    await year.approved()
    assert await seen(app_role) == {}
    walled = await year.judge(Role.LEAGUE_OFFICE)
    await year.world.wall(walled, f"region:{REGION}")
    inside = await year.world.person(Role.LEAGUE_OFFICE, (Role.REGION_EDITOR, REGION))
    machine = await year.world.machine(REGION)
    auditor = await year.world.person(Role.AUDITOR)
    nobody: list[tuple[str, UUID | None]] = [("public", None), ("client", machine.id), ("person", uuid4())]
    nobody += [("person", actor.id) for actor in (walled, inside, auditor, year.editor, year.approver)]
    nobody += [("person", expert.id) for expert in year.review.experts]
    for kind, who in nobody:
        async with entered(app_role, kind, who):
            assert await seen(app_role) == {}
            assert await app_role.execute("UPDATE appraisal_files SET stale = false") == "UPDATE 0"
    for actor in (year.office, year.committee, year.leader):
        async with entered(app_role, "person", actor.id):
            assert await seen(app_role) == {"appraisal_files": 1, "result_versions": 1}
    await year.close()
    await year.publish()
    async with entered(app_role, "person", year.editor.id):
        assert await seen(app_role) == {"disclosed_explanations": 1}
    for who in (walled.id, auditor.id):
        async with entered(app_role, "person", who):
            assert await seen(app_role) == {}


async def test_no_request_writes_a_result(year: Year, app_role: asyncpg.Connection) -> None:
    file = await year.graded()
    for statement in (
        "INSERT INTO result_versions SELECT * FROM result_versions",
        "UPDATE result_versions SET total = 99",
        "DELETE FROM result_versions",
        "DELETE FROM appraisal_files",
        "INSERT INTO disclosed_explanations SELECT * FROM disclosed_explanations",
        "INSERT INTO publications SELECT * FROM publications",
        "UPDATE evaluation_schemes SET content = '{}'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with entered(app_role, "person", year.office.id):
                await app_role.execute(statement)
    # Nor does a recused officer open a file, and nobody moves one to a region that they are not walled from.
    walled = await year.judge(Role.LEAGUE_OFFICE)
    await year.world.wall(walled, f"region:{REGION}")
    copied = (
        "INSERT INTO appraisal_files (id, evaluation_id, cycle_id, region_code, state, stale, blocked_quorum,"
        " under_correction, voided, version, created_at, updated_at) SELECT gen_random_uuid(), gen_random_uuid(), id,"
        " '152501', 'under_review', false, false, false, '[]', 1, now(), now() FROM evaluation_cycles"
    )
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with entered(app_role, "person", walled.id):
            await app_role.execute(copied)
    assert (await year.row(file)).state == "graded"


async def test_remarks_of_a_return_are_read_by_the_region_and_the_office(year: Year) -> None:
    path = await year.sent()
    item = (await year.office.get(f"{path}/items")).json()["items"][0]["id"]
    await done(year.office, path, "return", {"remarks": [{"item_id": item, "text": REMARK}]})
    other, _ = await year.staff(OTHER)
    for actor in (year.editor, year.approver, year.committee):
        assert len((await actor.get(f"{path}/decisions")).json()["items"]) == 1
    assert (await other.get(f"{path}/decisions")).status_code == 404
