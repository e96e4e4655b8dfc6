"""The gate's functions, called by the requests' role with whatever arguments it likes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from tests.declarations.scene import OTHER, REGION, Scene

AT = datetime(2026, 3, 2, tzinfo=UTC)
RECUSE = "SELECT gate.recuse($1, $2, $3, $4, $5, $6, $7, 'kinship', '示例', $8)"
DECIDE = "SELECT gate.decide_recusal($1, $2, $3, '理由', NULL, $4)"
LIFT = "SELECT gate.lift_recusal($1, $2, '理由', NULL, $3)"


@asynccontextmanager
async def entered(
    connection: asyncpg.Connection, kind: str | None, who: UUID | None, *targets: UUID
) -> AsyncIterator[None]:
    transaction = connection.transaction()
    await transaction.start()
    if kind is not None:
        await connection.fetch("SELECT * FROM gate.enter_exclusive($1, $2, $3, '{}')", kind, who, list(targets))
    try:
        yield
    finally:
        await transaction.rollback()


def _recuse(person: UUID | None, how: str, region: str | None = REGION, **more: Any) -> tuple[Any, ...]:
    return uuid4(), person, how, region, more.get("organisation"), more.get("project"), more.get("case"), AT


async def test_recusals_are_started_by_who_may(scene: Scene, app_role: asyncpg.Connection) -> None:
    person, office, editor = scene.expert.id, scene.office.id, scene.editor.id
    machine = await scene.world.machine(REGION)
    forged: list[tuple[str | None, UUID | None, UUID | None, str]] = [
        (None, None, person, "self"),
        (None, None, person, "detected"),
        (None, None, None, "self"),
        (None, None, person, "informant"),
        (None, None, person, "ex_officio"),
        ("public", None, person, "informant"),
        ("client", machine.id, person, "informant"),
        ("client", machine.id, machine.id, "self"),
        ("person", editor, person, "self"),
        ("person", editor, person, "ex_officio"),
        ("person", editor, person, "detected"),
        ("person", office, person, "self"),
        ("person", office, person, "detected"),
        ("person", office, office, "ex_officio"),
        ("person", uuid4(), person, "informant"),
    ]
    for kind, who, whom, how in forged:
        async with entered(app_role, kind, who, person):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await app_role.fetchval(RECUSE, *_recuse(whom, how))


async def test_what_bars_asks_for_the_lock(scene: Scene, app_role: asyncpg.Connection) -> None:
    recusal = await scene.applied(scene.expert, scene.editor, region_code=REGION)
    for who, call in (
        (scene.office, (RECUSE, *_recuse(scene.expert.id, "ex_officio"))),
        (scene.expert, (RECUSE, *_recuse(scene.expert.id, "self"))),
        (scene.office, (DECIDE, uuid4(), recusal, "in_force", AT)),
    ):
        async with entered(app_role, "person", who.id):
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
                await app_role.fetchval(*call)
        async with entered(app_role, "person", who.id, scene.second.id):
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
                await app_role.fetchval(*call)


async def test_an_application_answers_alike_and_in_its_order(scene: Scene, app_role: asyncpg.Connection) -> None:
    async with entered(app_role, "person", scene.editor.id):
        for person in (scene.expert.id, uuid4()):
            assert await app_role.fetchval(RECUSE, *_recuse(person, "informant")) == "taken"
            assert await app_role.fetchval(RECUSE, *_recuse(person, "informant", "999999")) == "unknown_subject"
            assert await app_role.fetchval(RECUSE, *_recuse(person, "informant", None)) == "unknown_subject"
            both = _recuse(person, "informant", REGION, organisation=uuid4())
            assert await app_role.fetchval(RECUSE, *both) == "unknown_subject"


async def test_the_gate_looks_again_who_decides(scene: Scene, app_role: asyncpg.Connection) -> None:
    person = scene.second
    organisation = await scene.world.organisation()
    await scene.project(organisation)
    about = await scene.applied(person, scene.editor, region_code=REGION)
    beside = await scene.applied(scene.expert, scene.inspector, organisation_id=str(organisation))
    await scene.own(scene.office, region_code=REGION)
    hidden = [(person, about), (scene.editor, about), (scene.expert, beside), (scene.office, about)]
    # Not walled from the organisation, but from the region that the decision would bar from.
    hidden += [(scene.office, beside), (scene.inspector, uuid4())]
    for who, recusal in hidden:
        async with entered(app_role, "person", who.id, person.id, scene.expert.id):
            assert await app_role.fetchval(DECIDE, uuid4(), recusal, "in_force", AT) == "hidden"
            assert await app_role.fetchval(LIFT, uuid4(), recusal, AT) == "hidden"
    async with entered(app_role, "person", scene.inspector.id, scene.expert.id):
        assert await app_role.fetchval(DECIDE, uuid4(), beside, "rejected", AT) == "same_person"
    async with entered(app_role, "person", person.id, scene.expert.id):
        assert await app_role.fetchval(DECIDE, uuid4(), beside, "lifted", AT) == "wrong_state"
        assert await app_role.fetchval(LIFT, uuid4(), beside, AT) == "wrong_state"


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT gate.protect($1, now(), $1)",
        "SELECT gate.may_decide($1, '152501', NULL, NULL, NULL, '{}')",
        "SELECT gate.reach($1, NULL)",
        "SELECT gate.is_subject('152501', $1, NULL, NULL)",
        "INSERT INTO walls (person_id, subject, since) VALUES ($1, 'region:152501', now())",
        "DELETE FROM walls WHERE person_id = $1",
        "DELETE FROM recusals WHERE person_id = $1",
        "UPDATE recusals SET state = 'rejected' WHERE person_id = $1",
        "UPDATE recusal_notices SET state = 'lifted' WHERE person_id = $1",
        "DELETE FROM recusal_decisions WHERE person_id = $1",
        "UPDATE commitments SET year = 2027 WHERE person_id = $1",
        "UPDATE declarations SET has_interests = false WHERE person_id = $1",
        "DELETE FROM declarations WHERE person_id = $1",
    ],
)
async def test_no_other_way_leads_in(scene: Scene, app_role: asyncpg.Connection, statement: str) -> None:
    async with entered(app_role, "person", scene.office.id, scene.expert.id):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app_role.execute(statement, scene.expert.id)


async def test_without_a_context_nothing_is_seen(scene: Scene, app_role: asyncpg.Connection) -> None:
    await scene.own(scene.expert)
    await scene.applied(scene.expert, scene.editor, region_code=OTHER)
    for table in ("recusals", "recusal_decisions", "recusal_notices", "commitments", "declarations"):
        assert await app_role.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608
        async with entered(app_role, "person", scene.editor.id):
            assert await app_role.fetchval(f"SELECT count(*) FROM {table}") == 0  # noqa: S608
