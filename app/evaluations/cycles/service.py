"""Use cases of the evaluation cycle (Art. 9)."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.audit import Resource, record
from app.core.clock import league_date
from app.core.db import clock_of, ids_of
from app.core.errors import CONSTRAINT_REASONS, FieldError, Invalid, Reason, StateConflict
from app.core.jobs import ask
from app.evaluations.cycles import repository, rules
from app.evaluations.cycles.schemas import CycleIn
from app.models.evaluations import CyclePhase, EvaluationCycle

CONSTRAINT_REASONS["uq_evaluation_cycles_assessment_year"] = Reason(
    "cycle_exists", "该年度的评估已开展", "The year has its cycle already"
)


async def open_cycle(session: AsyncSession, body: CycleIn) -> EvaluationCycle:
    """Raises `Invalid` for a year that is not over or an unknown method, `Conflict` (`cycle_exists`)."""
    now = clock_of(session).now()
    faults = rules.year_faults(body.assessment_year, body.due_on, league_date(now))
    scheme = await repository.scheme(session, body.scheme_id)
    if scheme is None:
        faults.append(FieldError("/scheme_id", "unknown_reference"))
    if faults or scheme is None:
        raise Invalid(*faults)
    cycle = EvaluationCycle(
        id=ids_of(session).dossier(now),
        assessment_year=body.assessment_year,
        submission_year=body.assessment_year + 1,
        scheme_id=scheme.id,
        scheme_sha256=scheme.content_sha256,
        due_on=body.due_on,
        phase=CyclePhase.OPEN,
    )
    session.add(cycle)
    await session.flush()
    after = {**body.model_dump(mode="json"), "scheme_sha256": cycle.scheme_sha256}
    await record(session, "evaluation_cycles.create", resource(cycle), changes={"after": after})
    return cycle


async def close(session: AsyncSession, cycle: EvaluationCycle) -> EvaluationCycle:
    """End the present phase. Raises `StateConflict` (`undecided`) while a sent self-evaluation has no answer."""
    target = rules.NEXT[CyclePhase(cycle.phase)]
    # Alone with the phase: whoever sends holds it meanwhile, and what was sent before is seen below.
    await repository.hold_phase(session, cycle.id, share=False)
    if target not in rules.SENDING and await repository.has_undecided(session, cycle.id):
        raise StateConflict(rules.UNDECIDED)
    before, cycle.phase = cycle.phase, target
    await session.flush()
    changes = {"phase": {"before": before, "after": target}}
    await record(session, "evaluation_cycles.close", resource(cycle), changes=changes)
    return cycle


async def request_publication(session: AsyncSession, cycle: EvaluationCycle) -> None:
    """Ask the worker, who sees every file, to publish if all are ready. Nothing here depends on any of them."""
    await record(session, "evaluation_cycles.request_publication", resource(cycle), event=False)
    await ask(
        session,
        "evaluations.publish",
        # Each request is a job of its own: an earlier one may have come too early.
        key=f"evaluations.publish:{ids_of(session).random()}",
        about=resource(cycle),
        payload={"cycle_id": str(cycle.id)},
    )


def resource(cycle: EvaluationCycle) -> Resource:
    return Resource("evaluation_cycle", cycle.id)
