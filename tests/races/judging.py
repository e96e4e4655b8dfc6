"""Rounds of the league: to decide and to lift a recusal, to grade, to publish. The last two are the worker's."""

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.auth import registry
from app.core.canonical import digest
from app.evaluations.files import rules
from app.models.declarations import Recusal, RecusalDecision
from app.models.evaluations import AppraisalFile, EvaluationScheme, ResultVersion
from app.models.identity import Role
from app.models.reviews import Assignment, Panel, ReviewCopy, ScoreSheet
from app.models.walls import Wall
from tests.evaluations.scene import CODES
from tests.races.duel import Duel, Field, Round, Server
from tests.races.files import file_of
from tests.races.reviewing import RECUSED, recusing
from tests.reviews.scene import CONTENT, CRITERIA, REGION, YEAR
from tests.world import Actor

WORDS = "情况属实（示例）"
SCORES = dict.fromkeys(CODES, "85")
SHEETS = 3


async def recusal_of(ground: Field, person: Actor, *, state: str, proposed_by: Actor | None = None) -> str:
    """As it stands in the database, with the wall if it is in force, and the first decider's word for lifting it."""
    now, recusal = ground.world.admin.clock.now(), uuid4()
    async with ground.world.admin.administration() as session:
        await registry.lock(session, person.id)
        session.add(
            Recusal(
                id=recusal,
                person_id=person.id,
                region_code=REGION,
                reaches=[],
                initiator="informant",
                initiated_by=ground.admin.id,
                relation_code="kinship",
                statement=WORDS,
                state=state,
                declared_at=now,
            )
        )
        await session.flush()
        if state == "in_force":
            await session.execute(insert(Wall).values(person_id=person.id, subject=f"region:{REGION}", since=now))
        if proposed_by is not None:
            session.add(
                RecusalDecision(
                    id=uuid4(),
                    recusal_id=recusal,
                    number=100,
                    person_id=person.id,
                    region_code=REGION,
                    outcome="lift_proposed",
                    reason=WORDS,
                    decided_by=proposed_by.id,
                    decided_at=now,
                )
            )
    return f"/v1/recusals/{recusal}"


async def to_decide(ground: Field, number: int) -> Round:
    """The decider is recused from the same region meanwhile; or the person concerned recuses themselves."""
    concerned = await ground.world.person(Role.EXPERT, name="示例专家")
    decider = await ground.world.person(Role.LEAGUE_COMMITTEE)
    path = await recusal_of(ground, concerned, state="pending")
    verdict = {"outcome": ground.chance.choice(["in_force", "rejected"]), "reason": WORDS}

    async def decide(server: Server) -> None:
        await server.post("decide", decider, f"{path}/decide", verdict, version=1)

    barred = concerned if number % 3 == 2 else decider
    return Round(decide, recusing(ground, barred, by_self=number % 3 == 0))


async def to_lift(ground: Field, number: int) -> Round:
    """Who lifts it, or who proposed that, is recused meanwhile; or the person is, once more."""
    concerned, proposer, decider = [
        await ground.world.person(role) for role in (Role.EXPERT, Role.LEAGUE_OFFICE, Role.LEAGUE_COMMITTEE)
    ]
    path = await recusal_of(ground, concerned, state="in_force", proposed_by=proposer)

    async def lift(server: Server) -> None:
        await server.post("lift", decider, f"{path}/lift", {"reason": WORDS}, version=1)

    barred = (decider, proposer, concerned)[number % 3]
    return Round(lift, recusing(ground, barred, by_self=ground.chance.random() < 0.5))


async def to_grade(ground: Field, number: int) -> Round:
    """A reviewer whose sheet counts, or who appraised it, recuses themselves while the worker computes."""
    appraiser = await ground.world.person(Role.LEAGUE_COMMITTEE)
    file, reviewer = await _judged(ground, appraiser, year=2025, state="appraised")

    async def grade(server: Server) -> None:
        asked = await server.post("grade", ground.scene.office, f"/v1/appraisal-files/{file.id}/grade", version=1)
        if asked.status_code == 202:
            await _worked(ground, "evaluations.grade", "file_id", file.id)

    return Round(grade, recusing(ground, appraiser if number % 3 == 0 else reviewer, by_self=True))


async def to_publish(ground: Field, number: int) -> Round:
    """The same while the worker publishes: a year of its own for each round."""
    appraiser = await ground.world.person(Role.LEAGUE_COMMITTEE)
    file, reviewer = await _judged(ground, appraiser, year=3000 + number, state="approved")
    cycle = file.cycle_id

    async def publish(server: Server) -> None:
        asked = await server.post("publish", ground.scene.office, f"/v1/evaluation-cycles/{cycle}/publish", version=1)
        if asked.status_code == 202:
            await _worked(ground, "evaluations.publish", "cycle_id", cycle)

    return Round(publish, recusing(ground, appraiser if number % 3 == 0 else reviewer, by_self=True))


async def _worked(ground: Field, kind: str, member: str, subject: UUID) -> None:
    """The act is over when the worker has done it."""
    for _ in range(1000):
        waiting = await ground.world.rows(
            "SELECT 1 FROM jobs WHERE kind = :kind AND payload ->> :member = :id AND state IN ('queued', 'claimed')",
            kind=kind,
            member=member,
            id=str(subject),
        )
        if not waiting:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{kind} was not done")


async def _judged(ground: Field, appraiser: Actor, *, year: int, state: str) -> tuple[AppraisalFile, Actor]:
    """A file with as many counted sheets as the method asks for, appraised; with its result where it is approved. And
    one of the reviewers."""
    world = ground.world
    reviewers = [await world.person(Role.EXPERT, name="示例专家") for _ in range(SHEETS)]
    panel = Panel(
        id=uuid4(),
        subject_kind="evaluation",
        subject_id=uuid4(),
        occasion_id=uuid4(),
        region_code=REGION,
        year=YEAR - 1,
        criteria=CRITERIA,
        seats=SHEETS,
        reserves=0,
        quorum=SHEETS,
        state="complete",
    )
    of: dict[str, Any] = {"panel_id": panel.id, "region_code": REGION}
    approved = {"approved_by": ground.scene.office.id, "latest_result": 1} if state == "approved" else {}
    given = {"appraisal_score": Decimal(90), "appraisal_reason": WORDS, "appraisal_salt": uuid4()}
    now = world.admin.clock.now()
    async with world.admin.administration() as session:
        for person in reviewers:
            await registry.lock(session, person.id)
        session.add(panel)
        await session.flush()
        file = await file_of(
            session, panel.subject_id, year=year, state=state, appraised_by=appraiser.id, **given, **approved
        )
        session.add(ReviewCopy(**of, content=CONTENT, content_sha256="0" * 64, frozen_at=now))
        for position, person in enumerate(reviewers, start=1):
            place = Assignment(
                **of,
                id=uuid4(),
                subject_kind="evaluation",
                subject_id=panel.subject_id,
                person_id=person.id,
                position=position,
                is_reserve=False,
                method="drawn",
                state="done",
            )
            session.add(place)
            await session.flush()
            sheet = {"assignment_id": place.id, "person_id": person.id, "scores": SCORES, "total": Decimal(85)}
            session.add(ScoreSheet(**of, **sheet, id=uuid4(), state="submitted", salt=uuid4(), submitted_at=now))
        if state == "approved":
            await _result(session, file)
    await world.renew(reviewers[0])
    return file, reviewers[0]


async def _result(session: AsyncSession, file: AppraisalFile) -> None:
    scheme = (await session.scalars(select(EvaluationScheme))).one()
    scores = {code: Decimal(score) for code, score in SCORES.items()}
    explanation = rules.explain(
        scheme.content,
        scheme_sha256=scheme.content_sha256,
        region_code=REGION,
        assessment_year=2025,
        inputs=[],
        sheets=[scores] * SHEETS,
        appraisal=Decimal(90),
    )
    total, grade = rules.recompute(explanation)
    of = {"file_id": file.id, "number": 1, "region_code": REGION, "computed_at": session.info["clock"].now()}
    stated = {"explanation": explanation, "explanation_sha256": digest(explanation)}
    session.add(ResultVersion(**of, **stated, total=total, grade=grade))


DUELS = (
    Duel(
        "decide",
        to_decide,
        {"decide": frozenset({200, 401}), "recuse": RECUSED},
        frozenset({("decide", 200), ("decide", 401)}),
    ),
    Duel(
        "lift",
        to_lift,
        # Who is lifted has a new start: a token from before does not recuse them again.
        {"lift": frozenset({200, 401}), "recuse": RECUSED | {401}},
        frozenset({("lift", 200), ("lift", 401)}),
    ),
    Duel(
        "grade",
        to_grade,
        {"grade": frozenset({202, 409, 412}), "recuse": RECUSED},
        frozenset({("grade", 202), ("grade", 409)}),
    ),
    Duel(
        "publish",
        to_publish,
        {"publish": frozenset({202, 409}), "recuse": RECUSED},
        frozenset({("publish", 202)}),
    ),
)
