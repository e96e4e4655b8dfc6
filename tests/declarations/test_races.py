"""A recusal against what is in flight: once it is acknowledged, nothing that began before it is alive."""

import asyncio
import random
from uuid import UUID

import asyncpg
import pytest

from app.core.config import Settings
from app.models.identity import Role
from tests.declarations.scene import DECIDED, OTHER, REGION, Scene, application, decided, order, own
from tests.world import Actor

SUBMIT = """
UPDATE score_sheets SET state = 'submitted', version = version + 1
WHERE person_id = $1 AND state = 'draft' AND region_code = '152501'
"""
DRAFT = """
INSERT INTO score_sheets (id, assignment_id, panel_id, region_code, person_id, scores, state, salt, version,
                          created_at, updated_at)
SELECT gen_random_uuid(), id, panel_id, region_code, person_id, '{}', 'draft', gen_random_uuid(), 1, now(), now()
FROM assignments WHERE person_id = $1
"""


async def _score(connection: asyncpg.Connection, person: UUID, started: asyncio.Event, wait: float) -> bool:
    """An act of P: entered, under way when the recusal comes, submitted if it still can be."""
    try:
        async with connection.transaction():
            await connection.fetch("SELECT * FROM gate.enter('person', $1, '{}')", person)
            await connection.fetchval("SELECT count(*) FROM assignments")
            started.set()
            await asyncio.sleep(wait)
            # PostgreSQL names how many rows it changed.
            return (await connection.execute(SUBMIT, person)) == "UPDATE 1"
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False


async def test_score_against_recuse(scene: Scene, settings: Settings) -> None:
    world, address = scene.world, settings.app_url.replace("+asyncpg", "")
    scored = 0
    for round_ in range(30):
        person = await world.person(Role.EXPERT)
        seat = await scene.seat(person, state="declared", region=REGION) if round_ == 0 else await _again(scene, person)
        await scene.execute(DRAFT.replace("$1", ":person"), person=person.id)
        connection = await asyncpg.connect(address)
        begun = asyncio.Event()
        act = asyncio.create_task(_score(connection, person.id, begun, random.uniform(0, 0.02)))  # noqa: S311
        await begun.wait()
        made = await person.post("/v1/recusals", own())
        assert made.status_code == 201, made.text
        assert await _live(scene, seat) == []
        scored += await act
        assert await _live(scene, seat) == []
        await connection.close()
    # The rounds collided: some acts were first, and what they left was sealed.
    assert scored > 0


async def _again(scene: Scene, person: Actor) -> UUID:
    """Another seat on the one panel there is."""
    [panel] = await scene.world.rows("SELECT id, subject_id FROM panels")
    await scene.execute(
        "WITH held AS MATERIALIZED (SELECT pg_advisory_xact_lock(gate.lock_key(:person))) "
        "INSERT INTO assignments (id, panel_id, subject_kind, subject_id, region_code, person_id, position, "
        "is_reserve, method, state, version, created_at, updated_at) "
        "SELECT gen_random_uuid(), :panel, 'evaluation', :subject, '152501', :person, 2, "
        "false, 'drawn', 'declared', 1, now(), now() FROM held",
        person=person.id,
        panel=panel.id,
        subject=panel.subject_id,
    )
    await scene.world.renew(person)
    [row] = await scene.world.rows("SELECT id FROM assignments WHERE person_id = :p", p=person.id)
    return UUID(str(row.id))


async def _live(scene: Scene, seat: object) -> list[object]:
    assignment = seat if isinstance(seat, UUID) else seat.assignment  # type: ignore[attr-defined]
    return await scene.world.rows(
        "SELECT a.state, s.state FROM assignments AS a LEFT JOIN score_sheets AS s ON s.assignment_id = a.id "
        "WHERE a.id = :id AND (s.state = 'submitted' OR a.state NOT IN ('suspended', 'voided'))",
        id=assignment,
    )


@pytest.mark.parametrize("by", ["oneself", "order", "decision"])
async def test_what_does_not_end_is_ended(scene: Scene, app_role: asyncpg.Connection, by: str) -> None:
    """An idle transaction of P's holds its lock; the recusal waits two seconds and ends it."""
    recusal = await scene.applied(scene.expert, scene.editor, region_code=OTHER)
    path = f"/v1/recusals/{recusal}"
    await app_role.execute("BEGIN")
    await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", scene.expert.id)
    match by:
        case "oneself":
            made = await scene.expert.post("/v1/recusals", own())
        case "order":
            made = await scene.office.post("/v1/recusals", order(scene.expert))
        case _:
            made = await scene.office.act(path, "decide", {"outcome": "in_force", **DECIDED})
    assert made.status_code in {200, 201}, made.text
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
        await app_role.fetchval("SELECT 1")


async def test_what_will_be_refused_ends_nothing(scene: Scene, app_role: asyncpg.Connection) -> None:
    """Or anybody could end the transactions of anybody: a token without the scope, a body without a person."""
    mute = await scene.world.person(Role.EXPERT, scopes=frozenset())
    for person, by, body, status in (
        (mute, mute, own(), 403),
        (scene.office, scene.expert, order(scene.office), 403),
        (scene.office, scene.second, {**order(scene.office), "person_id": None}, 422),
        (scene.office, scene.second, {**order(scene.office), "relation_code": None}, 422),
        (scene.office, scene.editor, application(scene.office.id), 202),
        (scene.office, scene.second, application(scene.office.id, region_code=OTHER), 202),
    ):
        transaction = app_role.transaction()
        await transaction.start()
        await app_role.fetch("SELECT * FROM gate.enter('person', $1, '{}')", person.id)
        answer = await asyncio.wait_for(by.post("/v1/recusals", body), timeout=1.5)
        assert answer.status_code == status, answer.text
        assert await app_role.fetchval("SELECT 1") == 1
        await transaction.rollback()


async def test_a_lifting_waits_for_the_recusal_of_who_proposed_it(scene: Scene, app_role: asyncpg.Connection) -> None:
    """It would rest on the word of somebody who is walled by the time it is acknowledged."""
    path = await scene.order(scene.expert)
    # Who decided before is somebody else: it is the proposer that is relied on.
    await decided(scene.inspector, path, "in_force")
    assert (await scene.second.act(path, "lift", {"reason": "情形消除（示例）"})).status_code == 200
    recusing = app_role.transaction()
    await recusing.start()
    proposer = scene.second.id
    await app_role.fetch("SELECT * FROM gate.enter_exclusive('person', $1, ARRAY[$1]::uuid[], '{}')", proposer)
    taken = "SELECT gate.recuse(gen_random_uuid(), $1, 'self', '152501', NULL, NULL, NULL, 'kinship', '亲属', now())"
    assert await app_role.fetchval(taken, proposer) == "taken"
    lifting = asyncio.create_task(scene.inspector.act(path, "lift", {"reason": "情形消除（示例）"}))
    await asyncio.wait({lifting}, timeout=1)
    await recusing.commit()
    # The proposal fell with who made it: this one is the first.
    assert (await lifting).json()["state"] == "in_force"
    assert f"region:{REGION}" in await scene.walls(scene.expert)


async def test_two_who_name_each_other(scene: Scene) -> None:
    """One order stands: whoever was second is walled, and gives no orders on it."""
    for _ in range(6):
        one, other = await scene.world.person(Role.LEAGUE_OFFICE), await scene.world.person(Role.LEAGUE_COMMITTEE)
        answers = await asyncio.gather(one.post("/v1/recusals", order(other)), other.post("/v1/recusals", order(one)))
        assert sorted(answer.status_code for answer in answers) == [201, 401], [a.text for a in answers]
        walled = [bool(await scene.walls(person)) for person in (one, other)]
        assert sorted(walled) == [False, True]
        for person in (one, other):
            await scene.world.renew(person)
        loser, winner = (one, other) if walled[0] else (other, one)
        again = await loser.post("/v1/recusals", order(winner))
        assert (again.status_code, again.json()["code"]) == (403, "recused")


async def test_much_at_once_ends_in_no_deadlock(scene: Scene) -> None:
    """Deciders, applicants and the people concerned, over one region's panel and each other's locks."""
    people = [await scene.world.person(Role.EXPERT) for _ in range(3)]
    await scene.seat(people[0])
    recusals = [await scene.applied(person, scene.editor, region_code=REGION) for person in people]
    deciders = [scene.office, scene.second, scene.inspector]

    async def decide(decider: Actor, recusal: UUID) -> int:
        path = f"/v1/recusals/{recusal}"
        answer = await decider.post(
            f"{path}/decide",
            {"outcome": "in_force", **DECIDED},
            etag=(await decider.get(path)).headers.get("etag", '"1.0123456789abcdef"'),
        )
        return answer.status_code

    async def read(person: Actor) -> int:
        return (await person.get("/v1/me/recusals")).status_code

    async def inform(person: Actor) -> int:
        return (await scene.editor.post("/v1/recusals", application(person.id, region_code=OTHER))).status_code

    codes = await asyncio.gather(
        *(decide(decider, recusal) for decider in deciders for recusal in recusals),
        *(read(person) for person in people * 3),
        *(inform(person) for person in [*people, *deciders] * 2),
    )
    assert set(codes) <= {200, 202, 401, 409, 412}
    assert codes.count(202) == 12
    decided = await scene.world.rows("SELECT count(*) FROM recusal_decisions GROUP BY recusal_id")
    assert [row.count for row in decided] == [1, 1, 1]
