"""Who starts, decides and ends a recusal, and who learns of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import Database, Entry
from app.core.workflow import Workflow
from app.declarations.recusals import rules
from app.models.identity import Role
from tests.declarations.scene import Scene
from tests.evaluations.scene import Year
from tests.scenarios.attack import attack, gate, no_wall, patched, sql
from tests.scenarios.scene import ALREADY, REGION, decide, items, knock, nowhere, order, recuse

LIFT = {"reason": "情形消除（示例）"}
# What hides a recusal from the person and from who is walled, and what the gate asks before it acts.
ANY_DECIDER = (
    sql("ALTER POLICY app_select ON recusals USING (gate.handles())")
    | no_wall("recusals", "recusal_decisions")
    | gate(
        "may_decide",
        ("AND person IS DISTINCT FROM gate.principal()", ""),
        ("AND gate.clear_of(region, organisation, project, kase, reached)", ""),
    )
)
ONE_IS_ENOUGH = patched(
    "app.declarations.recusals.rules.LIFE",
    Workflow("recusal", (replace(line, distinct_from=()) for line in rules.LIFE.transitions.values())),
) | gate("lift_recusal", ("IF proposed_by = gate.principal() THEN", "IF false THEN"))


@attack(6, ANY_DECIDER, ONE_IS_ENOUGH)
async def test_06_an_administrator_lifts_their_own_recusal(scene: Scene) -> None:
    """Lifting takes two deciders, neither the person nor walled; and nobody takes a decider's office away meanwhile."""
    recused, colleague, other = scene.office, scene.second, scene.inspector
    file = f"/v1/appraisal-files/{(await scene.seat(scene.expert)).file}"
    recusal = await order(colleague, recused)
    await decide(other, recusal)
    await scene.world.renew(recused)
    etag = (await colleague.get(recusal)).headers["etag"]
    assert await knock(recused, recusal) == await nowhere(recused, recusal)
    assert (await recused.post(f"{recusal}/lift", LIFT, etag=etag)).status_code == 404
    proposed = await colleague.act(recusal, "lift", LIFT)
    assert proposed.status_code == 200
    etag = proposed.headers["etag"]
    for who, status in ((recused, 404), (colleague, 409)):
        refused = await who.post(f"{recusal}/lift", LIFT, etag=etag)
        assert refused.status_code == status
    walled = await scene.world.person(Role.LEAGUE_OFFICE)
    await recuse(scene.world, walled)
    assert (await walled.post(f"{recusal}/lift", LIFT, etag=etag)).status_code == 404
    grants = f"/v1/people/{colleague.id}/grants"
    assert (await recused.get(grants)).status_code == 403
    assert (await recused.post(grants, {"role": "auditor", "reason": "示例"})).status_code == 403
    assert (await recused.get(file)).status_code == 404
    assert (await other.act(recusal, "lift", LIFT)).json()["state"] == "lifted"
    await scene.world.renew(recused)
    assert (await recused.get(file)).status_code == 200


class _Overriding:
    """A database on which a request has no walls: what a flag would do."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def transaction(self, entry: Entry) -> AsyncIterator[AsyncSession]:
        async with self._database.transaction(entry) as session:
            await session.execute(
                text("SELECT set_config('liangshan.principal', :nobody, true)"), {"nobody": str(uuid4())}
            )
            yield session


def overriding(request: Request) -> Any:
    database = request.app.state.database
    return _Overriding(database) if request.headers.get("x-override") == "true" else database


FLAGS = (
    "force",
    "forceShow",
    "force_show",
    "override",
    "override_recusal",
    "break_glass",
    "as_admin",
    "bypass",
    "sudo",
)


@attack(7, patched("app.auth.dependencies.database_of", overriding))
async def test_07_an_override_flag(scene: Scene) -> None:
    """There is none: no header counts, an unknown parameter is refused, and no operation documents one."""
    seat = await scene.seat(scene.expert)
    doors = (f"/v1/appraisal-files/{seat.file}", f"/v1/panels/{seat.panel}", f"/v1/assignments/{seat.assignment}")
    officer = await scene.world.person(Role.LEAGUE_OFFICE)
    await recuse(scene.world, officer)
    headers = {f"X-{flag.replace('_', '-').title()}": "true" for flag in FLAGS}
    for door in doors:
        assert (await officer.get(door, headers=headers)).status_code == 404
    for flag in FLAGS:
        for value in ("true", "false", "0"):
            refused = await officer.get("/v1/appraisal-files", params={flag: value})
            assert refused.status_code == 422, flag
    told = (await officer.get("/openapi.json")).json()
    named = {
        one["name"].lower().removeprefix("x-").replace("-", "_")
        for operations in told["paths"].values()
        for operation in operations.values()
        for one in operation.get("parameters", [])
        if "name" in one
    }
    assert not named & {flag.lower() for flag in FLAGS}


# An application has raised no wall yet: the policy alone keeps it from the person.
NOT_FROM_ONESELF = sql("ALTER POLICY app_select ON recusals USING (gate.handles())")
TOLD_IN_THE_AUDIT = no_wall("audit_entries")


@attack(34, NOT_FROM_ONESELF, TOLD_IN_THE_AUDIT)
async def test_34_that_there_is_a_conflict_and_of_what_kind(scene: Scene) -> None:
    """Reasons are the deciders'. The person is told subject, state and since when; the region, the informant and the
    other reviewers nothing; and nobody named in it finds in any list who spoke."""
    said = {"relation_code": "kinship", "statement": "配偶在该地区任职（示例）", "region_code": REGION}
    named = await scene.editor.post(
        "/v1/recusals", {"initiator": "informant", "person_id": str(scene.second.id), **said}
    )
    assert (named.status_code, named.content) == (202, b"")
    [recusal] = await items(scene.office, "/v1/recusals")
    place = f"/v1/recusals/{recusal['id']}"
    assert await items(scene.second, "/v1/recusals") == []
    assert (await scene.second.get(place)).status_code == 404
    await decide(scene.office, place)
    await scene.world.renew(scene.second)
    [notice] = await items(scene.second, "/v1/me/recusals")
    assert not {"relation_code", "statement", "initiator", "initiated_by", "initiated_by_name"} & set(notice)
    assert "配偶" not in str(notice)
    for outsider in (scene.editor, scene.expert, await scene.world.person((Role.REGION_APPROVER, REGION))):
        assert (await outsider.get("/v1/recusals")).status_code == 403
        assert await items(outsider, "/v1/me/recusals") == []
    auditor = await scene.world.person(Role.AUDITOR, Role.LEAGUE_OFFICE)
    both = await order(scene.office, auditor)
    await decide(scene.inspector, both)
    await scene.world.renew(auditor)
    seen = await items(auditor, "/v1/audit-entries", resource_id=both.rsplit("/", 1)[1])
    assert seen == []


OWN_DECISION = (
    ANY_DECIDER
    | patched(
        "app.declarations.recusals.rules.LIFE",
        Workflow("recusal", (replace(line, distinct_from=()) for line in rules.LIFE.transitions.values())),
    )
    | gate(
        "decide_recusal",
        ("IF gate.principal() IN (found_recusal.initiated_by, found_recusal.attributed_to) THEN", "IF false THEN"),
    )
)


@attack(35, OWN_DECISION)
async def test_35_taking_a_declaration_back(scene: Scene) -> None:
    """Nothing that was declared is changed or withdrawn: it ends by others' decision, and bars until then."""
    person = scene.office
    file = f"/v1/appraisal-files/{(await scene.seat(scene.expert)).file}"
    recusal = await recuse(scene.world, person)
    kept = await scene.world.rows("SELECT * FROM recusals")
    assert (await person.delete(recusal)).status_code == 405
    assert (await person.patch(recusal, {"state": "rejected"})).status_code == 405
    for action, body in (
        ("decide", {"outcome": "rejected", "reason": "申报有误（示例）"}),
        ("lift", LIFT),
        ("withdraw", None),
    ):
        assert (await person.post(f"{recusal}/{action}", body, etag='"1.0123456789abcdef"')).status_code == 404
    assert await scene.world.rows("SELECT * FROM recusals") == kept
    assert (await person.get(file)).status_code == 404
    await decide(scene.second, recusal, "rejected")
    await scene.world.renew(person)
    assert (await person.get(file)).status_code == 200


class _Yesterday:
    """A clock that takes the declarer's word."""

    def now(self) -> datetime:
        return datetime(2025, 1, 1, tzinfo=UTC)


@attack(36, patched("app.declarations.recusals.service.clock_of", lambda _session: _Yesterday()))
async def test_36_a_back_dated_declaration(year: Year) -> None:
    """When it was declared is the server's word. What was published before stands, and is under correction."""
    file = await year.approved()
    [(expert, _), *_] = await year.seats(file)
    await year.close()
    [publication] = await year.publish()
    year.world.api.state.database.clock.advance(days=1)
    for actor in (expert, year.leader, year.office):
        await year.world.renew(actor)
    dated = {"initiator": "self", "region_code": REGION, "relation_code": "kinship", "statement": ALREADY}
    for name in ("declared_at", "effective_from", "since"):
        refused = await expert.post("/v1/recusals", {**dated, name: "2025-01-01T00:00:00Z"})
        assert refused.status_code == 422, name
    await recuse(year.world, expert)
    now = year.world.api.state.database.clock.now()
    [recusal] = await items(year.leader, "/v1/recusals", person_id=str(expert.id))
    assert datetime.fromisoformat(recusal["declared_at"]) == now
    assert await items(year.office, "/v1/publications") == [publication]
    assert (await year.row(file)).under_correction
